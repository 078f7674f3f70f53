//! Between a generated service and its handlers.

/// Serves the methods of a generated service with handlers of the same names, which answer with
/// messages and refuse with [`crate::error::ApiError`]. Each says what it needs of its caller, an
/// [`crate::auth::Access`]; together they are the room's `ACCESS`.
///
/// ```ignore
/// service! {
///     StatsService for App {
///         User => get_stats(v1::GetStatsRequest) -> v1::GetStatsResponse;
///     }
/// }
/// ```
macro_rules! service {
    ($service:ident for $server:ident $(where $($name:ident = $stream:ty),+)? {
        $($access:ident => $method:ident($request:ty) -> $answer:ty;)+
    }) => {
        /// Who may call which of these methods.
        pub(super) const ACCESS: $crate::auth::ServiceAccess = $crate::auth::ServiceAccess {
            service: stringify!($service),
            methods: &[$((stringify!($method), $crate::auth::Access::$access)),+],
        };

        #[tonic::async_trait]
        impl $service for $server {
            $($(type $name = $stream;)+)?

            $(async fn $method(
                &self,
                request: tonic::Request<$request>,
            ) -> Result<tonic::Response<$answer>, tonic::Status> {
                // The handler's own name comes before that of the trait.
                let answer = $server::$method(self, request).await?;
                Ok(tonic::Response::new(answer))
            })+
        }
    };
}

pub(super) use service;
