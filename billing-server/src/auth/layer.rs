//! The layer in front of every gRPC handler that turns a token into a [`Caller`] and refuses those
//! whose token does not open the method.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::Either;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response};
use tonic::Status;
use tower::{Layer, Service};

use super::access::{Access, AccessTable};
use super::caller::Caller;
use super::tokens::{Verifier, invalid};
use crate::error::{ApiError, ErrorCode};

/// Verifies the bearer token of each call, and its scope by the table, before the call's body is
/// decoded. The handler finds out who calls with [`caller`].
#[derive(Debug, Clone)]
pub(crate) struct AuthLayer {
    verifier: Arc<Verifier>,
    access: Arc<AccessTable>,
    reflection_public: bool,
}

impl AuthLayer {
    /// A layer that accepts the tokens of `verifier` on the methods that `access` opens to them;
    /// with `reflection_public` the API's description may be read without one.
    #[must_use]
    pub(crate) fn new(
        verifier: Arc<Verifier>,
        access: Arc<AccessTable>,
        reflection_public: bool,
    ) -> Self {
        Self {
            verifier,
            access,
            reflection_public,
        }
    }

    /// Who makes the call of the gRPC method at `path`, if the method is open to this caller;
    /// nobody is allowed on public methods only.
    ///
    /// # Errors
    /// `TOKEN_MISSING`, `TOKEN_INVALID`, `TOKEN_EXPIRED` or `SCOPE_MISSING`.
    pub(crate) fn admit(
        &self,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<Option<Arc<Caller>>, ApiError> {
        // Probes must work whatever a proxy adds to them.
        if path.starts_with("/grpc.health.v1.Health/") {
            return Ok(None);
        }
        let access = self.access(path);
        match bearer(headers)? {
            Some(token) => {
                let caller = self.verifier.verify(token)?;
                access.check(&caller)?;
                Ok(Some(caller))
            }
            None if access == Access::Anyone => Ok(None),
            None => Err(token_missing()),
        }
    }

    fn access(&self, path: &str) -> Access {
        if self.reflection_public && path.starts_with("/grpc.reflection.") {
            return Access::Anyone;
        }
        self.access.of(path)
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AuthService {
            auth: self.clone(),
            inner,
        }
    }
}

/// A service behind an [`AuthLayer`].
#[derive(Debug, Clone)]
pub(crate) struct AuthService<S> {
    auth: AuthLayer,
    inner: S,
}

impl<S, Body, ResponseBody> Service<Request<Body>> for AuthService<S>
where
    S: Service<Request<Body>, Response = Response<ResponseBody>>,
    ResponseBody: Default,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<S::Response, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        match self.auth.admit(request.uri().path(), request.headers()) {
            Ok(caller) => {
                if let Some(caller) = caller {
                    request.extensions_mut().insert(caller);
                }
                Either::Left(self.inner.call(request))
            }
            Err(error) => Either::Right(ready(Ok(Status::from(error).into_http()))),
        }
    }
}

/// The token of `authorization: Bearer <token>`, if there is such a header.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(invalid("authorization must be given once"));
    }
    value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| Some(token.trim()))
        .ok_or_else(|| invalid("authorization must be: Bearer <token>"))
}

fn token_missing() -> ApiError {
    let message = "this call needs a token: authorization: Bearer <token>";
    ApiError::new(ErrorCode::TokenMissing, message)
}

/// Who makes the call.
///
/// # Errors
/// `TOKEN_MISSING` when nobody is named, as on a public method.
pub(crate) fn caller<T>(request: &tonic::Request<T>) -> Result<Arc<Caller>, ApiError> {
    let caller = request.extensions().get::<Arc<Caller>>();
    caller.cloned().ok_or_else(token_missing)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use chrono::Utc;
    use prost_reflect::DescriptorPool;
    use rstest::rstest;
    use tonic::Code;
    use tonic_types::StatusExt;
    use tower::{ServiceExt, service_fn};

    use super::super::caller::Scopes;
    use super::super::keys::{SigningKey, tests::SECRET};
    use super::super::tokens::{TokenRules, mint};
    use super::*;

    const RECORD: &str = "/billing.v1.UsageService/RecordUsage";
    const PLANS: &str = "/billing.v1.PlanService/ListPlans";
    const HEALTH: &str = "/grpc.health.v1.Health/Check";
    const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

    const IMPORT: &str = "/billing.v1.PricingService/ImportModelPrices";

    fn token(scopes: &str) -> String {
        let key = SigningKey::parse(SECRET).unwrap();
        let (rules, ttl) = (TokenRules::default(), Duration::from_secs(60));
        let scopes = Scopes::from_claim(scopes);
        mint(&key, &rules, "alice", scopes, ttl, Utc::now()).unwrap()
    }

    /// Calls `path` behind the layer: the subject the handler saw, or the refusal's reason.
    async fn call(path: &str, authorization: &[&str], reflection_public: bool) -> String {
        let key = SigningKey::parse(SECRET).unwrap();
        let verifier = Verifier::new(key, &TokenRules::default());
        let pool = DescriptorPool::decode(billing_proto::FILE_DESCRIPTOR_SET).unwrap();
        let access = AccessTable::new(&pool, crate::api::ACCESS).unwrap();
        let auth = AuthLayer::new(Arc::new(verifier), Arc::new(access), reflection_public);
        let handler = service_fn(async |request: Request<()>| {
            let (parts, ()) = request.into_parts();
            let metadata = tonic::metadata::MetadataMap::new();
            let request = tonic::Request::from_parts(metadata, parts.extensions, ());
            let seen = caller(&request);
            let subject = seen.map_or("nobody".to_owned(), |caller| caller.subject.clone());
            Ok::<_, Infallible>(Response::new(subject))
        });
        let mut request = Request::builder().uri(path);
        for value in authorization {
            request = request.header(AUTHORIZATION, *value);
        }
        let response = auth
            .layer(handler)
            .oneshot(request.body(()).unwrap())
            .await
            .unwrap();
        let Some(status) = Status::from_header_map(response.headers()) else {
            return response.into_body();
        };
        assert_eq!(response.headers()["content-type"], "application/grpc");
        let refusals = [Code::Unauthenticated, Code::PermissionDenied];
        assert!(refusals.contains(&status.code()), "{status}");
        status.get_details_error_info().unwrap().reason
    }

    #[rstest]
    #[case(RECORD, "TOKEN_MISSING")]
    #[case("/billing.v1.PlanService/ListPlansSecretly", "TOKEN_MISSING")]
    #[case("/unknown.Service/Method", "TOKEN_MISSING")]
    #[case(REFLECTION, "TOKEN_MISSING")]
    #[case(PLANS, "nobody")]
    #[case(HEALTH, "nobody")]
    #[tokio::test]
    async fn without_a_token_only_public_methods_answer(#[case] path: &str, #[case] answer: &str) {
        assert_eq!(call(path, &[], false).await, answer);
    }

    #[tokio::test]
    async fn reflection_is_public_when_configured() {
        assert_eq!(call(REFLECTION, &[], true).await, "nobody");
        assert_eq!(call(RECORD, &[], true).await, "TOKEN_MISSING");
    }

    #[rstest]
    #[case("Bearer")]
    #[case("bearer")]
    #[case("BEARER")]
    #[tokio::test]
    async fn a_valid_token_names_the_caller_on_every_method(#[case] scheme: &str) {
        let header = format!("{scheme} {}", token("usage:write"));
        for path in [RECORD, PLANS, REFLECTION] {
            assert_eq!(call(path, &[&header], false).await, "alice");
        }
    }

    #[rstest]
    #[case(RECORD, "", "SCOPE_MISSING")]
    #[case(RECORD, "usage:write", "alice")]
    #[case(RECORD, "admin", "alice")]
    #[case(IMPORT, "", "SCOPE_MISSING")]
    #[case(IMPORT, "usage:write", "SCOPE_MISSING")]
    #[case(IMPORT, "admin", "alice")]
    #[case(PLANS, "", "alice")]
    #[case("/unknown.Service/Method", "", "alice")]
    #[tokio::test]
    async fn a_method_is_open_to_the_scopes_of_its_row(
        #[case] path: &str,
        #[case] scopes: &str,
        #[case] answer: &str,
    ) {
        let header = format!("Bearer {}", token(scopes));
        assert_eq!(call(path, &[&header], false).await, answer);
    }

    #[rstest]
    #[case("Bearer forged")]
    #[case("Bearer ")]
    #[case("Bearer")]
    #[case("Basic YWxpY2U6cHc=")]
    #[case("")]
    #[tokio::test]
    async fn an_invalid_token_is_refused_even_on_public_methods(#[case] header: &str) {
        for path in [RECORD, PLANS, REFLECTION] {
            assert_eq!(call(path, &[header], true).await, "TOKEN_INVALID");
        }
        assert_eq!(call(HEALTH, &[header], true).await, "nobody");
    }

    #[tokio::test]
    async fn two_authorization_headers_are_refused() {
        let header = format!("Bearer {}", token("admin"));
        assert_eq!(
            call(RECORD, &[&header, &header], false).await,
            "TOKEN_INVALID"
        );
    }
}
