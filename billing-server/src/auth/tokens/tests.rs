//! Tokens that are accepted, and every kind that must not be.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use rstest::rstest;
use serde_json::{Value, json};

use super::super::keys::tests::{SECRET, ed25519_pems};
use super::*;

const NOW: i64 = 1_730_000_000;
const HOUR: Duration = Duration::from_secs(3_600);

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).unwrap()
}

fn hs256() -> SigningKey {
    SigningKey::parse(SECRET).unwrap()
}

fn verifier() -> Verifier {
    Verifier::new(hs256(), &TokenRules::default())
}

fn minted(key: &SigningKey, rules: &TokenRules) -> String {
    mint(
        key,
        rules,
        "alice",
        Scopes::from_claim("admin"),
        HOUR,
        now(),
    )
    .unwrap()
}

/// A token signed with our secret under `header` with any claims.
fn signed(algorithm: Algorithm, claims: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET);
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
}

fn code(verifier: &Verifier, token: &str) -> Result<String, ErrorCode> {
    verifier
        .verify_at(token, NOW)
        .map(|caller| caller.subject.clone())
        .map_err(|error| error.code)
}

#[test]
fn a_minted_token_is_accepted_by_every_key_that_can_verify_it() {
    let (private, public) = ed25519_pems();
    for (signing, verifying) in [
        (private.as_bytes(), private.as_bytes()),
        (private.as_bytes(), public.as_bytes()),
        (SECRET, SECRET),
    ] {
        let rules = TokenRules::default();
        let token = minted(&SigningKey::parse(signing).unwrap(), &rules);
        let verifier = Verifier::new(SigningKey::parse(verifying).unwrap(), &rules);
        let caller = verifier.verify_at(&token, NOW).unwrap();
        assert_eq!(
            (caller.subject.as_str(), caller.is_admin()),
            ("alice", true)
        );
    }
}

#[test]
fn a_token_of_another_key_is_refused() {
    let rules = TokenRules::default();
    let (ours, theirs) = (ed25519_pems().0, ed25519_pems().0);
    let verifier_of = |key: &[u8]| Verifier::new(SigningKey::parse(key).unwrap(), &rules);
    let token = minted(&SigningKey::parse(theirs.as_bytes()).unwrap(), &rules);
    assert_eq!(
        code(&verifier_of(ours.as_bytes()), &token),
        Err(ErrorCode::TokenInvalid)
    );
    let token = minted(&SigningKey::parse(&[b'x'; 32]).unwrap(), &rules);
    assert_eq!(code(&verifier(), &token), Err(ErrorCode::TokenInvalid));
}

#[test]
fn the_public_key_used_as_a_secret_forges_nothing() {
    let (_, public) = ed25519_pems();
    let verifier = Verifier::new(
        SigningKey::parse(public.as_bytes()).unwrap(),
        &TokenRules::default(),
    );
    for secret in [public.as_bytes(), public.trim_ascii().as_bytes()] {
        let key = EncodingKey::from_secret(secret);
        let claims = json!({"sub": "alice", "exp": NOW + 60});
        let token = jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap();
        assert_eq!(code(&verifier, &token), Err(ErrorCode::TokenInvalid));
    }
}

#[rstest]
#[case(Algorithm::HS384)]
#[case(Algorithm::HS512)]
fn another_algorithm_with_the_right_key_is_refused(#[case] algorithm: Algorithm) {
    let token = signed(algorithm, &json!({"sub": "alice", "exp": NOW + 60}));
    assert_eq!(code(&verifier(), &token), Err(ErrorCode::TokenInvalid));
}

#[rstest]
#[case("none")]
#[case("None")]
#[case("NONE")]
fn an_unsigned_token_is_refused(#[case] algorithm: &str) {
    let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let header = part(json!({"alg": algorithm, "typ": "JWT"}));
    let claims = part(json!({"sub": "alice", "exp": NOW + 60}));
    for token in [format!("{header}.{claims}."), format!("{header}.{claims}")] {
        assert_eq!(code(&verifier(), &token), Err(ErrorCode::TokenInvalid));
    }
}

#[test]
fn claims_changed_after_signing_are_refused() {
    let token = signed(Algorithm::HS256, &json!({"sub": "alice", "exp": NOW + 60}));
    let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    parts[1] = URL_SAFE_NO_PAD.encode(json!({"sub": "bob", "exp": NOW + 60}).to_string());
    assert_eq!(code(&verifier(), &token), Ok("alice".into()));
    assert_eq!(
        code(&verifier(), &parts.join(".")),
        Err(ErrorCode::TokenInvalid)
    );
}

#[rstest]
#[case::no_subject(json!({"exp": NOW + 60}))]
#[case::no_expiry(json!({"sub": "alice"}))]
#[case::subject_of_another_type(json!({"sub": 7, "exp": NOW + 60}))]
#[case::empty_subject(json!({"sub": "", "exp": NOW + 60}))]
#[case::outer_space(json!({"sub": " alice", "exp": NOW + 60}))]
#[case::control_character(json!({"sub": "ali\nce", "exp": NOW + 60}))]
#[case::expiry_of_another_type(json!({"sub": "alice", "exp": "soon"}))]
#[case::not_valid_yet(json!({"sub": "alice", "exp": NOW + 600, "nbf": NOW + 31}))]
fn claims_that_are_missing_or_malformed_are_refused(#[case] claims: Value) {
    let token = signed(Algorithm::HS256, &claims);
    assert_eq!(code(&verifier(), &token), Err(ErrorCode::TokenInvalid));
}

#[rstest]
#[case::whole_as_fraction(json!(1_730_000_000.0), json!(null), NOW + 29, true)]
#[case::before_its_end(json!(1_730_000_000.5), json!(null), NOW + 30, true)]
#[case::at_its_end(json!(1_730_000_000.5), json!(null), NOW + 31, false)]
#[case::negative(json!(-1.5), json!(null), NOW, false)]
#[case::end_of_time(json!(9_007_199_254_740_993_i64), json!(1_730_000_030.75), NOW, true)]
#[case::too_early(json!(NOW + 60), json!(1_730_000_031.25), NOW, false)]
fn dates_may_have_fractions(
    #[case] exp: Value,
    #[case] nbf: Value,
    #[case] now: i64,
    #[case] valid: bool,
) {
    let claims = json!({"sub": "alice", "exp": exp, "nbf": nbf, "iat": 1_729_999_999.25});
    let token = signed(Algorithm::HS256, &claims);
    assert_eq!(verifier().verify_at(&token, now).is_ok(), valid);
}

#[rstest]
#[case(json!("openid usage:write"), true, false)]
#[case(json!(["openid", "usage:write"]), true, false)]
#[case(json!(["admin", "usage:write"]), true, true)]
#[case(json!([]), false, false)]
#[case(json!(["admin usage:write"]), true, true)]
fn scopes_are_one_text_or_a_list(
    #[case] scope: Value,
    #[case] usage_write: bool,
    #[case] admin: bool,
) {
    let claims = json!({"sub": "alice", "exp": NOW + 60, "scope": scope});
    let caller = verifier().verify_at(&signed(Algorithm::HS256, &claims), NOW);
    assert_eq!(caller.unwrap().scopes, Scopes { usage_write, admin });
}

#[rstest]
#[case(&["b64"], "the token's crit names b64, which this server does not know")]
#[case(&["x", "y"], "the token's crit names x, y, which this server does not know")]
fn a_token_with_something_critical_is_refused(#[case] crit: &[&str], #[case] message: &str) {
    let mut header = Header::new(Algorithm::HS256);
    header.crit = Some(crit.iter().map(|&name| name.to_owned()).collect());
    let claims = json!({"sub": "alice", "exp": NOW + 60});
    let key = EncodingKey::from_secret(SECRET);
    let token = jsonwebtoken::encode(&header, &claims, &key).unwrap();
    let error = verifier().verify_at(&token, NOW).unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        (ErrorCode::TokenInvalid, message)
    );
}

#[rstest]
#[case::parts(json!(null), "the token has not the three parts of a jwt")]
#[case::no_subject(json!({"exp": NOW}), "the token cannot be read: missing field `sub`")]
#[case::no_expiry(json!({"sub": "a"}), "the token cannot be read: missing field `exp`")]
#[case::expiry(
    json!({"sub": "a", "exp": "soon"}),
    "the token cannot be read: invalid type: string \"soon\", expected a JSON number"
)]
#[case::scope(
    json!({"sub": "a", "exp": NOW, "scope": 7}),
    "the token cannot be read: scope must be a text or a list of texts"
)]
#[case::issuer(
    json!({"sub": "a", "exp": NOW, "iss": "x", "aud": "billing"}),
    "the token's iss is not issuer"
)]
#[case::audience(
    json!({"sub": "a", "exp": NOW, "iss": "issuer", "aud": "x"}),
    "the token's aud is not billing"
)]
#[case::early(
    json!({"sub": "a", "exp": NOW, "iss": "issuer", "aud": "billing", "nbf": NOW + 99}),
    "the token is not valid yet: its nbf is ahead"
)]
#[case::late(
    json!({"sub": "a", "exp": NOW - 99, "iss": "issuer", "aud": "billing"}),
    "the token has expired"
)]
fn a_refusal_says_what_is_wrong(#[case] claims: Value, #[case] message: &str) {
    let rules = TokenRules {
        issuer: Some("issuer".into()),
        audience: Some("billing".into()),
    };
    let token = if claims.is_null() {
        "one.two".to_owned()
    } else {
        signed(Algorithm::HS256, &claims)
    };
    let error = Verifier::new(hs256(), &rules)
        .verify_at(&token, NOW)
        .unwrap_err();
    assert_eq!(error.message, message);
}

#[test]
fn a_wrong_key_or_algorithm_is_named() {
    let claims = json!({"sub": "alice", "exp": NOW + 60});
    let key = EncodingKey::from_secret(b"another");
    let token = jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap();
    let message = |token: &str| verifier().verify_at(token, NOW).unwrap_err().message;
    assert_eq!(
        message(&token),
        "the token's signature is not of the key that this server verifies with"
    );
    assert_eq!(
        message(&signed(Algorithm::HS512, &claims)),
        "the token's alg is not that of this server's key, which takes HS256 alone"
    );
}

#[rstest]
#[case("")]
#[case("a.b.c")]
#[case("not a token")]
fn what_is_no_token_is_refused(#[case] token: &str) {
    assert_eq!(code(&verifier(), token), Err(ErrorCode::TokenInvalid));
}

#[test]
fn a_token_longer_than_8_kib_is_refused_although_it_is_signed() {
    let claims = json!({"sub": "alice", "exp": NOW + 60, "scope": "x".repeat(MAX_TOKEN_BYTES)});
    let token = signed(Algorithm::HS256, &claims);
    let error = verifier().verify_at(&token, NOW).unwrap_err();
    assert_eq!(error.message, "the token is longer than 8 KiB");
}

#[rstest]
#[case(NOW + 60, true)]
#[case(NOW - 29, true)]
#[case(NOW - 30, false)]
#[case(NOW - 3_600, false)]
fn a_token_lives_until_its_expiry_and_the_leeway(#[case] exp: i64, #[case] valid: bool) {
    let claims = json!({"sub": "alice", "exp": exp});
    let answer = code(&verifier(), &signed(Algorithm::HS256, &claims));
    assert_eq!(answer.is_ok(), valid);
    assert!(valid || answer == Err(ErrorCode::TokenExpired));
}

#[test]
fn a_cached_token_expires_by_the_same_rule() {
    let verifier = verifier();
    let token = signed(Algorithm::HS256, &json!({"sub": "alice", "exp": NOW + 60}));
    let first = verifier.verify_at(&token, NOW).unwrap();
    let second = verifier.verify_at(&token, NOW + 89).unwrap();
    assert!(
        Arc::ptr_eq(&first, &second),
        "the second answer comes from the cache"
    );
    for later in [NOW + 90, NOW + 10_000] {
        let error = verifier.verify_at(&token, later).unwrap_err();
        assert_eq!(error.code, ErrorCode::TokenExpired);
    }
    assert!(verifier.cache.is_empty());
}

#[test]
fn refused_tokens_are_not_cached_and_the_cache_is_bounded() {
    let verifier = verifier();
    let expired = signed(Algorithm::HS256, &json!({"sub": "alice", "exp": NOW - 60}));
    for token in ["a.b.c", expired.as_str()] {
        assert!(verifier.verify_at(token, NOW).is_err());
    }
    assert!(verifier.cache.is_empty());
    assert_eq!(verifier.cache.capacity(), 10_000);
}

#[rstest]
#[case(json!({}), false)]
#[case(json!({"iss": "issuer"}), false)]
#[case(json!({"iss": "issuer", "aud": "other"}), false)]
#[case(json!({"iss": "other", "aud": "billing"}), false)]
#[case(json!({"iss": "issuer", "aud": "billing"}), true)]
#[case(json!({"iss": "issuer", "aud": ["web", "billing"]}), true)]
fn issuer_and_audience_are_required_once_configured(#[case] extra: Value, #[case] valid: bool) {
    let rules = TokenRules {
        issuer: Some("issuer".into()),
        audience: Some("billing".into()),
    };
    let mut claims = json!({"sub": "alice", "exp": NOW + 60});
    claims
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    let token = signed(Algorithm::HS256, &claims);
    assert_eq!(code(&Verifier::new(hs256(), &rules), &token).is_ok(), valid);
    assert!(
        code(&verifier(), &token).is_ok(),
        "unconfigured claims are not checked"
    );
    assert!(code(&Verifier::new(hs256(), &rules), &minted(&hs256(), &rules)).is_ok());
}

#[rstest]
#[case::empty_subject("", HOUR, "the subject must not be empty")]
#[case::no_life("alice", Duration::ZERO, "ttl must be between 1 second and 3650 days")]
#[case::forever("alice", Duration::MAX, "ttl must be between 1 second and 3650 days")]
fn a_token_that_nobody_could_use_is_not_minted(
    #[case] subject: &str,
    #[case] ttl: Duration,
    #[case] reason: &str,
) {
    let rules = TokenRules::default();
    let refused = mint(&hs256(), &rules, subject, Scopes::default(), ttl, now()).unwrap_err();
    assert_eq!(refused.to_string(), reason);
}

#[test]
fn a_public_key_mints_nothing() {
    let key = SigningKey::parse(ed25519_pems().1.as_bytes()).unwrap();
    let rules = TokenRules::default();
    let refused = mint(&key, &rules, "alice", Scopes::default(), HOUR, now()).unwrap_err();
    assert_eq!(refused, MintError::VerifiesOnly);
}
