//! Who calls: keys, tokens, and the layer that checks them before a handler runs.

pub mod caller;
pub mod keys;
pub mod layer;
pub mod tokens;

pub use caller::{Caller, Scopes};
pub use keys::{KeyError, SigningKey};
pub use layer::{AuthLayer, caller, optional_caller};
pub use tokens::{MintError, TokenRules, Verifier, mint};
