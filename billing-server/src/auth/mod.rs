//! Who calls and what that allows: keys, tokens, the table of scopes, and the layer that checks
//! both before a handler runs.

pub(crate) mod access;
pub(crate) mod caller;
pub(crate) mod keys;
pub(crate) mod layer;
pub(crate) mod resolved;
pub(crate) mod tokens;

pub(crate) use access::{Access, AccessTable, ServiceAccess};
pub(crate) use caller::{Caller, Scopes};
pub(crate) use keys::{KeyError, SigningKey};
pub(crate) use layer::{AuthLayer, caller};
pub(crate) use resolved::ResolvedUser;
pub(crate) use tokens::{TokenRules, Verifier, mint};
