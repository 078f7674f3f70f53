//! Between a generated service and its handlers.

/// Serves the methods of a generated service with handlers of the same names, which answer with
/// messages and refuse with [`crate::error::ApiError`]:
///
/// ```ignore
/// service! {
///     StatsService for App {
///         get_stats(v1::GetStatsRequest) -> v1::GetStatsResponse;
///     }
/// }
/// ```
macro_rules! service {
    ($service:ident for $server:ident $(where $name:ident = $stream:ty)? {
        $($method:ident($request:ty) -> $answer:ty;)+
    }) => {
        #[tonic::async_trait]
        impl $service for $server {
            $(type $name = $stream;)?

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
