//! The rules of billing as pure functions: state, time and prices come in, decisions go out.
