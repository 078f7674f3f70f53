//! The key that signs and verifies tokens, and the file it lives in.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use uuid::Uuid;

/// The shortest HS256 secret, in bytes: as long as the hash it keys.
const MIN_SECRET_BYTES: usize = 32;
/// The largest key file read, in bytes.
const MAX_FILE_BYTES: u64 = 64 * 1024;
/// Read and write for the owner alone.
const OWNER_ONLY: u32 = 0o600;
/// The permission bits of group and others.
const GROUP_AND_OTHERS: u32 = 0o077;
/// Characters per line in a PEM file.
const PEM_LINE: usize = 64;

/// Why a key file cannot be used. No message holds any of its contents.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// The file cannot be read.
    #[error("cannot read the key file {}: {source}", path.display())]
    Read {
        /// The key file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be created.
    #[error("cannot create the key file {}: {source}", path.display())]
    Create {
        /// The key file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others than the owner may read or change the file.
    #[error(
        "the key file {path} is open to other users (mode {mode:04o}): run chmod 600 {path}",
        path = path.display()
    )]
    OpenToOthers {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file's contents are no key.
    #[error("the key file {} {reason}", path.display())]
    Unusable {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// A key for tokens. Its algorithm is fixed: a token may not choose another.
pub(crate) struct SigningKey {
    algorithm: Algorithm,
    /// Absent when the file holds a public key.
    encoding: Option<EncodingKey>,
    decoding: DecodingKey,
}

impl SigningKey {
    /// Loads the key in `path`: an Ed25519 private key in PKCS#8 PEM signs and verifies with
    /// EdDSA, an Ed25519 public key in PEM only verifies, and a file that is not PEM is a secret
    /// for HS256.
    ///
    /// # Errors
    /// The file cannot be read, holds no such key, or holds a private key or secret that other
    /// users may read.
    pub(crate) fn load(path: &Path) -> Result<Self, KeyError> {
        let (contents, mode) = read(path).map_err(|source| KeyError::Read {
            path: path.to_owned(),
            source,
        })?;
        let key = Self::parse(&contents).map_err(|reason| KeyError::Unusable {
            path: path.to_owned(),
            reason,
        })?;
        if key.encoding.is_some() && mode & GROUP_AND_OTHERS != 0 {
            return Err(KeyError::OpenToOthers {
                path: path.to_owned(),
                mode,
            });
        }
        Ok(key)
    }

    /// Loads the key in `path`, after creating an Ed25519 key there if there is no file.
    /// However many processes create it at once, all end with the same key.
    ///
    /// # Errors
    /// As [`Self::load`], or the file cannot be created.
    pub(crate) fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        match Self::load(path) {
            Err(KeyError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Self::create(path)?;
                Self::load(path)
            }
            loaded => loaded,
        }
    }

    /// Puts a new Ed25519 key at `path` unless there is a file: whether it did.
    ///
    /// # Errors
    /// The file cannot be created.
    pub(crate) fn create(path: &Path) -> Result<bool, KeyError> {
        create(path).map_err(|source| KeyError::Create {
            path: path.to_owned(),
            source,
        })
    }

    /// Whether the key can sign tokens, not only verify them.
    #[must_use]
    pub(crate) fn can_sign(&self) -> bool {
        self.encoding.is_some()
    }

    /// The one algorithm of the key's tokens.
    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(super) fn encoding(&self) -> Option<&EncodingKey> {
        self.encoding.as_ref()
    }

    pub(super) fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }

    pub(super) fn parse(contents: &[u8]) -> Result<Self, &'static str> {
        if contains(contents, b"-----BEGIN PRIVATE KEY-----") {
            private_key(contents)
        } else if contains(contents, b"-----BEGIN PUBLIC KEY-----") {
            let decoding = DecodingKey::from_ed_pem(contents)
                .map_err(|_| "holds a public key that is not Ed25519")?;
            Ok(Self {
                algorithm: Algorithm::EdDSA,
                encoding: None,
                decoding,
            })
        } else if contains(contents, b"-----BEGIN ") {
            // Taken as a secret, a certificate would let everybody sign: it is no secret.
            Err("holds PEM that is neither a PKCS#8 private key nor a public key")
        } else {
            secret(contents.trim_ascii())
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm)
            .field("can_sign", &self.can_sign())
            .finish_non_exhaustive()
    }
}

fn private_key(pem: &[u8]) -> Result<SigningKey, &'static str> {
    const NOT_ED25519: &str = "holds a private key that is not Ed25519";
    let encoding = EncodingKey::from_ed_pem(pem).map_err(|_| NOT_ED25519)?;
    let pair = Ed25519KeyPair::from_pkcs8(encoding.as_bytes()).map_err(|_| NOT_ED25519)?;
    Ok(SigningKey {
        algorithm: Algorithm::EdDSA,
        decoding: DecodingKey::from_ed_der(pair.public_key().as_ref()),
        encoding: Some(encoding),
    })
}

fn secret(bytes: &[u8]) -> Result<SigningKey, &'static str> {
    if bytes.len() < MIN_SECRET_BYTES {
        return Err("holds a secret shorter than 32 bytes");
    }
    Ok(SigningKey {
        algorithm: Algorithm::HS256,
        encoding: Some(EncodingKey::from_secret(bytes)),
        decoding: DecodingKey::from_secret(bytes),
    })
}

fn contains(contents: &[u8], marker: &[u8]) -> bool {
    contents.windows(marker.len()).any(|part| part == marker)
}

/// The file's contents and permission bits, both of the one file that was opened.
fn read(path: &Path) -> io::Result<(Vec<u8>, u32)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.len() > MAX_FILE_BYTES {
        return Err(io::Error::other("larger than 64 KiB"));
    }
    let mut contents = Vec::new();
    file.take(MAX_FILE_BYTES).read_to_end(&mut contents)?;
    Ok((contents, metadata.permissions().mode() & 0o777))
}

/// Puts a new key at `path` unless a file is there already: whether it did.
fn create(path: &Path) -> io::Result<bool> {
    let document = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new())
        .map_err(|_| io::Error::other("no key could be generated"))?;
    let draft = path.with_added_extension(Uuid::now_v7().simple().to_string());
    // A link appears whole or not at all, so nobody reads half a key.
    let linked =
        write_private(&draft, &pem(document.as_ref())).and_then(|()| fs::hard_link(&draft, path));
    let removed = match fs::remove_file(&draft) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    match linked {
        // Another process was first: its key counts.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => removed.map(|()| false),
        Err(error) => Err(error),
        Ok(()) => removed.map(|()| true),
    }
}

fn write_private(path: &Path, contents: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(OWNER_ONLY)
        .open(path)?;
    file.write_all(contents.as_bytes())?;
    file.sync_all()
}

fn pem(der: &[u8]) -> String {
    let mut text = String::from("-----BEGIN PRIVATE KEY-----\n");
    for (index, character) in STANDARD.encode(der).chars().enumerate() {
        if index > 0 && index.is_multiple_of(PEM_LINE) {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str("\n-----END PRIVATE KEY-----\n");
    text
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Barrier;
    use std::thread;

    use aws_lc_rs::encoding::AsDer;
    use rstest::rstest;
    use tempfile::TempDir;

    use super::*;

    pub(in crate::auth) const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    /// A fresh Ed25519 key as the PEM of its private and its public part.
    pub(in crate::auth) fn ed25519_pems() -> (String, String) {
        let pair = Ed25519KeyPair::generate().unwrap();
        let private = pem(pair.to_pkcs8v1().unwrap().as_ref());
        let spki = AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(pair.public_key());
        let public = pem(spki.unwrap().as_ref()).replace("PRIVATE", "PUBLIC");
        (private, public)
    }

    fn file(folder: &TempDir, contents: &[u8], mode: u32) -> PathBuf {
        let path = folder.path().join("billing.key");
        fs::write(&path, contents).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn the_contents_decide_algorithm_and_ability() {
        let (private, public) = ed25519_pems();
        for (contents, algorithm, can_sign) in [
            (private.as_bytes(), Algorithm::EdDSA, true),
            (public.as_bytes(), Algorithm::EdDSA, false),
            (SECRET, Algorithm::HS256, true),
        ] {
            let key = SigningKey::parse(contents).unwrap();
            assert_eq!((key.algorithm(), key.can_sign()), (algorithm, can_sign));
        }
    }

    #[rstest]
    #[case(b"", "holds a secret shorter than 32 bytes")]
    #[case(
        b" 0123456789abcdef0123456789abcde\n",
        "holds a secret shorter than 32 bytes"
    )]
    #[case(
        b"-----BEGIN PRIVATE KEY-----\nMAo=\n-----END PRIVATE KEY-----\n",
        "holds a private key that is not Ed25519"
    )]
    #[case(
        b"-----BEGIN PUBLIC KEY-----\nMAo=\n-----END PUBLIC KEY-----\n",
        "holds a public key that is not Ed25519"
    )]
    #[case(
        b"-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----\n",
        "holds PEM that is neither a PKCS#8 private key nor a public key"
    )]
    fn what_is_no_key_is_refused(#[case] contents: &[u8], #[case] reason: &str) {
        assert_eq!(SigningKey::parse(contents).unwrap_err(), reason);
    }

    #[rstest]
    #[case(0o600, true)]
    #[case(0o400, true)]
    #[case(0o640, false)]
    #[case(0o604, false)]
    #[case(0o620, false)]
    fn a_secret_must_be_closed_to_others(#[case] mode: u32, #[case] accepted: bool) {
        let folder = TempDir::new().unwrap();
        for contents in [SECRET, ed25519_pems().0.as_bytes()] {
            let path = file(&folder, contents, mode);
            assert_eq!(SigningKey::load(&path).is_ok(), accepted);
            fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn a_public_key_may_be_open_to_all() {
        let folder = TempDir::new().unwrap();
        let path = file(&folder, ed25519_pems().1.as_bytes(), 0o644);
        assert!(!SigningKey::load(&path).unwrap().can_sign());
    }

    #[test]
    fn an_open_key_file_is_refused_with_the_remedy() {
        let folder = TempDir::new().unwrap();
        let path = file(&folder, SECRET, 0o644);
        let message = SigningKey::load(&path).unwrap_err().to_string();
        let path = path.display();
        assert_eq!(
            message,
            format!("the key file {path} is open to other users (mode 0644): run chmod 600 {path}")
        );
    }

    #[test]
    fn a_missing_file_is_an_error_unless_it_may_be_created() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("billing.key");
        assert!(matches!(
            SigningKey::load(&path),
            Err(KeyError::Read { .. })
        ));
        assert!(SigningKey::load_or_create(&path).unwrap().can_sign());
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, OWNER_ONLY);
        let created = fs::read(&path).unwrap();
        assert!(SigningKey::load_or_create(&path).is_ok());
        assert_eq!(fs::read(&path).unwrap(), created);
    }

    #[test]
    fn a_folder_that_is_missing_is_named() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("missing").join("billing.key");
        let error = SigningKey::load_or_create(&path).unwrap_err();
        assert!(matches!(error, KeyError::Create { .. }));
        assert!(error.to_string().contains("missing/billing.key"));
    }

    #[test]
    fn concurrent_creators_end_with_one_key_and_leave_no_draft() {
        const CREATORS: usize = 8;
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("billing.key");
        let start = Barrier::new(CREATORS);
        let keys: Vec<Vec<u8>> = thread::scope(|scope| {
            let creators: Vec<_> = (0..CREATORS)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        let key = SigningKey::load_or_create(&path).unwrap();
                        key.decoding().try_get_as_bytes().unwrap().to_vec()
                    })
                })
                .collect();
            creators.into_iter().map(|c| c.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn debug_shows_nothing_of_the_key() {
        let shown = format!("{:?}", SigningKey::parse(SECRET).unwrap());
        assert_eq!(shown, "SigningKey { algorithm: HS256, can_sign: true, .. }");
    }
}
