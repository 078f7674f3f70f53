//! The layer in front of every gRPC handler that turns a token into a [`Caller`].

use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::Either;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response};
use tonic::Status;
use tower::{Layer, Service};

use super::caller::Caller;
use super::tokens::{Verifier, invalid};
use crate::error::{ApiError, ErrorCode};

/// The methods that need no token.
const PUBLIC: [&str; 2] = [
    "/billing.v1.PlanService/ListPlans",
    "/billing.v1.PlanService/GetPlan",
];

/// Verifies the bearer token of each call before its handler runs. The handler finds out who
/// calls with [`caller`] or [`optional_caller`].
#[derive(Debug, Clone)]
pub struct AuthLayer {
    verifier: Arc<Verifier>,
    reflection_public: bool,
}

impl AuthLayer {
    /// A layer that accepts the tokens of `verifier`; with `reflection_public` the API's
    /// description may be read without one.
    #[must_use]
    pub fn new(verifier: Arc<Verifier>, reflection_public: bool) -> Self {
        Self {
            verifier,
            reflection_public,
        }
    }

    /// Who makes the call of the gRPC method at `path`; nobody is allowed on public methods only.
    ///
    /// # Errors
    /// `TOKEN_MISSING`, `TOKEN_INVALID` or `TOKEN_EXPIRED`.
    pub fn authenticate(
        &self,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<Option<Arc<Caller>>, ApiError> {
        // Probes must work whatever a proxy adds to them.
        if path.starts_with("/grpc.health.v1.Health/") {
            return Ok(None);
        }
        match bearer(headers)? {
            Some(token) => self.verifier.verify(token).map(Some),
            None if self.is_public(path) => Ok(None),
            None => Err(token_missing()),
        }
    }

    fn is_public(&self, path: &str) -> bool {
        PUBLIC.contains(&path) || (self.reflection_public && path.starts_with("/grpc.reflection."))
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
pub struct AuthService<S> {
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
        match self
            .auth
            .authenticate(request.uri().path(), request.headers())
        {
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
pub fn caller<T>(request: &tonic::Request<T>) -> Result<Arc<Caller>, ApiError> {
    optional_caller(request).ok_or_else(token_missing)
}

/// Who makes the call, where a token is not required.
#[must_use]
pub fn optional_caller<T>(request: &tonic::Request<T>) -> Option<Arc<Caller>> {
    request.extensions().get::<Arc<Caller>>().cloned()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use chrono::Utc;
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

    fn token() -> String {
        let key = SigningKey::parse(SECRET).unwrap();
        let (rules, ttl) = (TokenRules::default(), Duration::from_secs(60));
        mint(&key, &rules, "alice", Scopes::default(), ttl, Utc::now()).unwrap()
    }

    /// Calls `path` behind the layer: the subject the handler saw, or the refusal's reason.
    async fn call(path: &str, authorization: &[&str], reflection_public: bool) -> String {
        let key = SigningKey::parse(SECRET).unwrap();
        let verifier = Verifier::new(key, &TokenRules::default());
        let auth = AuthLayer::new(Arc::new(verifier), reflection_public);
        let handler = service_fn(async |request: Request<()>| {
            let (parts, ()) = request.into_parts();
            let metadata = tonic::metadata::MetadataMap::new();
            let request = tonic::Request::from_parts(metadata, parts.extensions, ());
            let seen = optional_caller(&request);
            assert_eq!(caller(&request).is_ok(), seen.is_some());
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
        assert_eq!(status.code(), Code::Unauthenticated);
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
        let header = format!("{scheme} {}", token());
        for path in [RECORD, PLANS, REFLECTION] {
            assert_eq!(call(path, &[&header], false).await, "alice");
        }
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
        let header = format!("Bearer {}", token());
        assert_eq!(
            call(RECORD, &[&header, &header], false).await,
            "TOKEN_INVALID"
        );
    }
}
