//! SQL to LIR, on DataFusion's parser and planner.
