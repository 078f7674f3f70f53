//! The billing API as Rust types: messages, clients and servers generated from the `.proto` files
//! beside this crate, what reads their numbers and times exactly, and the descriptor set from which
//! reflection and REST are served.

mod usage;
mod value;

pub use prost_types::{FieldMask, Timestamp};

pub use self::value::{ReadDecimal, ReadTime, ValueError, timestamp};

/// The module tree of the generated packages; use [`v1`] and [`google`].
#[allow(
    missing_docs,
    unused_qualifications,
    clippy::too_many_lines,
    unreachable_pub,
    clippy::all,
    clippy::as_conversions,
    reason = "generated code; its comments are those of the .proto files"
)]
mod generated {
    pub mod billing {
        pub mod v1 {
            tonic::include_proto!("billing.v1");
        }
    }
    pub mod google {
        pub mod r#type {
            tonic::include_proto!("google.r#type");
        }
    }
}

/// Messages and services of the package `billing.v1`.
pub use generated::billing::v1;
/// Google's common types that the API uses.
pub use generated::google;

/// The encoded `FileDescriptorSet` of every file and import, `google.api.http` options included.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));
