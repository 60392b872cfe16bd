//! LIR to timely and differential dataflows.
