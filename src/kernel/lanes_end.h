/* lanes_end.h (internal): takes back what lanes.h defined. */
#undef LANES
#undef V
#undef PUT
#undef WIDE
#undef ZERO
#undef SPLAT
#undef EXPECT
#undef ONE
