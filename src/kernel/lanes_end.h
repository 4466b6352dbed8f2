/* lanes_end.h (internal): takes back what lanes.h defined. */
#undef LANES
#undef V
#undef PUT
#undef LANE
#undef WIDE
#undef ZERO
#undef SPLAT
#undef EXPECT
#undef ONE
