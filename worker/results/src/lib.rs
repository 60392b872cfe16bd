//! The readable state: every table and view at one time, in persistent versions.
