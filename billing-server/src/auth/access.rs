//! Who may call which method: what the handlers say, held against the descriptor. It is complete or
//! the server does not start.

use std::collections::HashMap;

use prost_reflect::DescriptorPool;

use super::caller::Caller;
use crate::error::ApiError;

/// The package of the methods in the table.
const PACKAGE: &str = "billing.v1";

/// What a method needs of its caller before anything else of the call is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing; a token that is sent all the same must be valid.
    Anyone,
    /// A token. Another user's account needs a scope, which is checked with the request.
    User,
    /// The scope `usage:write` or `admin`.
    UsageWrite,
    /// The scope `admin`.
    Admin,
}

/// What the methods of one service need, as their handlers say it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServiceAccess {
    /// The service's name.
    pub(crate) service: &'static str,
    /// Its methods, in snake case.
    pub(crate) methods: &'static [(&'static str, Access)],
}

/// The table and the descriptor do not agree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AccessError {
    /// A method of the descriptor has no row.
    #[error("nothing says who may call {0}")]
    NoRow(String),
    /// A row names no method.
    #[error("{0} has callers but is no method")]
    NoMethod(String),
}

/// What each method needs, by its path.
#[derive(Debug)]
pub(crate) struct AccessTable(HashMap<String, Access>);

impl AccessTable {
    /// The table, if `services` have exactly one row for each method of the API in the pool.
    ///
    /// # Errors
    /// A method without a row, or a row without a method.
    pub(crate) fn new(
        pool: &DescriptorPool,
        services: &[ServiceAccess],
    ) -> Result<Self, AccessError> {
        let rows = services.iter().flat_map(|of| {
            let methods = of.methods.iter();
            methods.map(|(method, access)| {
                (squashed(of.service, method), (of.service, *method, *access))
            })
        });
        let mut left: HashMap<_, _> = rows.collect();
        let mut table = HashMap::with_capacity(left.len());
        let services = pool.services();
        for service in services.filter(|service| service.package_name() == PACKAGE) {
            for method in service.methods() {
                let path = format!("/{}/{}", service.full_name(), method.name());
                match left.remove(&squashed(service.name(), method.name())) {
                    Some((.., access)) => table.insert(path, access),
                    None => return Err(AccessError::NoRow(path)),
                };
            }
        }
        match left.into_values().next() {
            Some((service, method, _)) => Err(AccessError::NoMethod(format!(
                "/{PACKAGE}.{service}/{method}"
            ))),
            None => Ok(Self(table)),
        }
    }

    /// What the method at `path` needs. One that does not exist needs a token, so that only
    /// callers with one learn what there is.
    #[must_use]
    pub(crate) fn of(&self, path: &str) -> Access {
        self.0.get(path).copied().unwrap_or(Access::User)
    }
}

/// Names a method, whether it is written as in the descriptor or as in Rust.
fn squashed(service: &str, method: &str) -> String {
    format!("{service}/{method}")
        .replace('_', "")
        .to_ascii_lowercase()
}

impl Access {
    /// Lets a caller with a token pass who has the scope.
    ///
    /// # Errors
    /// `SCOPE_MISSING`.
    pub(super) fn check(self, caller: &Caller) -> Result<(), ApiError> {
        match self {
            Self::Anyone | Self::User => Ok(()),
            Self::UsageWrite => caller.require_usage_write(),
            Self::Admin => caller.require_admin(),
        }
    }
}

#[cfg(test)]
mod tests {
    use billing_proto::FILE_DESCRIPTOR_SET;

    use super::*;
    use crate::api::ACCESS;

    fn pool() -> DescriptorPool {
        DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap()
    }

    #[test]
    fn every_method_of_the_descriptor_has_exactly_one_row() {
        AccessTable::new(&pool(), ACCESS).unwrap();
    }

    #[test]
    fn a_method_without_a_row_is_named() {
        let without = ACCESS.iter().filter(|row| row.service != "DebugService");
        let without: Vec<_> = without.copied().collect();
        let error = AccessTable::new(&pool(), &without).unwrap_err();
        let path = "/billing.v1.DebugService/AdvanceClock".to_owned();
        assert_eq!(error, AccessError::NoRow(path));
    }

    #[test]
    fn a_row_without_a_method_is_named() {
        let stray = ServiceAccess {
            service: "DebugService",
            methods: &[("stop_clock", Access::Anyone)],
        };
        let rows: Vec<_> = ACCESS.iter().copied().chain([stray]).collect();
        let error = AccessTable::new(&pool(), &rows).unwrap_err();
        let path = "/billing.v1.DebugService/stop_clock".to_owned();
        assert_eq!(error, AccessError::NoMethod(path));
    }

    #[test]
    fn what_does_not_exist_needs_a_token() {
        let table = AccessTable::new(&pool(), ACCESS).unwrap();
        assert_eq!(
            table.of("/billing.v1.PlanService/ListPlans"),
            Access::Anyone
        );
        assert_eq!(table.of("/billing.v1.PlanService/Secret"), Access::User);
    }
}
