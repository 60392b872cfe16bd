//! The plan (LIR): relational nodes, the scalar and aggregate library, EXPLAIN, and a one-off evaluator.
