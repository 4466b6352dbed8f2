# Turns the headers' plain comments into Doxygen's (see docs/Doxyfile).
# The comment on the first line is the file's.
1s|^/\* |/** @file\n * |
# Rules between sections stay plain; a comment on lines of its own belongs to what follows it.
/^ *\/\* ----/!s|^\( *\)/\* |\1/** |
# A comment behind a member belongs to the member before it.
s|^\( *[^ /#].*[;,)] *\)/\* |\1/**< |
