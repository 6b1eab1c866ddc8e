//! When a schedule is due: parser, civil time, ticks.
