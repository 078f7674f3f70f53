//! Third-party clients that the tests run: found on this machine, or installed.

use std::{
    env, fs,
    io::{Write, stderr},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    thread,
};

use test_postgres::install::{install, run};

/// A program in Go.
struct GoProgram {
    name: &'static str,
    /// The environment variable that names the one to use, before any other.
    named_by: &'static str,
    package: &'static str,
    version: &'static str,
}

const GRPCURL: GoProgram = GoProgram {
    name: "grpcurl",
    named_by: "BILLING_TEST_GRPCURL",
    package: "github.com/fullstorydev/grpcurl/cmd/grpcurl",
    version: "v1.9.4",
};
/// Its version decides which parameters it takes: it is the one whose API the adapter speaks.
const STRIPE_MOCK: GoProgram = GoProgram {
    name: "stripe-mock",
    named_by: "BILLING_TEST_STRIPE_MOCK",
    package: "github.com/stripe/stripe-mock",
    version: "v0.197.0",
};
/// The folder of the packages is named after this one's version.
const GRPCIO_VERSION: &str = "1.85.1";
const AIOSMTPD_VERSION: &str = "1.4.6";
const PROTOBUF_VERSION: &str = "7.36.2";
const GOOGLEAPIS_VERSION: &str = "1.76.0";
/// What receivers of webhooks verify them with.
const STANDARDWEBHOOKS_VERSION: &str = "1.1.0";
/// The folder of the readers of PDF is named after this one's version.
const PIKEPDF_VERSION: &str = "10.18.0";
const PYPDF_VERSION: &str = "7.1.1";
/// The folder of Go's generators is named after this one's version.
const PROTOC_GEN_GO_VERSION: &str = "v1.36.12";
const PROTOC_GEN_GO_GRPC_VERSION: &str = "v1.6.2";
/// What a Go client needs, by the versions that were tried.
const GO_MODULES: [&str; 4] = [
    "google.golang.org/grpc@v1.85.0",
    "google.golang.org/protobuf/proto@v1.36.12",
    "google.golang.org/genproto/googleapis/api/annotations@v0.0.0-20261110000943-09e21b237f2c",
    "google.golang.org/genproto/googleapis/type/decimal@v0.0.0-20261026165753-2ffab32bce7e",
];
/// What a TypeScript client needs, and what runs it. The folder is named after the first.
const NODE_PACKAGES: [(&str, &str); 5] = [
    ("@bufbuild/protobuf", "2.17.0"),
    ("@bufbuild/protoc-gen-es", "2.13.0"),
    ("@connectrpc/connect", "2.1.2"),
    ("@connectrpc/connect-node", "2.1.2"),
    ("tsx", "4.23.15"),
];

/// The tools, or why there is none, so that every test that needs one says the same.
static FOUND_GRPCURL: OnceLock<Result<PathBuf, String>> = OnceLock::new();
static FOUND_STRIPE_MOCK: OnceLock<Result<PathBuf, String>> = OnceLock::new();
static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
static WEBHOOKS_PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
static PDF_READER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
static AIOSMTPD: OnceLock<Result<PathBuf, String>> = OnceLock::new();
static GO_MODULE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
static NODE_MODULES: OnceLock<Result<PathBuf, String>> = OnceLock::new();

/// The `grpcurl` program, or `None` where the test is to be skipped.
///
/// # Panics
/// When it is missing in CI.
pub fn grpcurl() -> Option<&'static Path> {
    or_skip(GRPCURL.name, FOUND_GRPCURL.get_or_init(|| GRPCURL.find()))
}

/// Stripe's own mock server, or `None` where the test is to be skipped.
///
/// # Panics
/// When it is missing in CI.
pub fn stripe_mock() -> Option<&'static Path> {
    let found = FOUND_STRIPE_MOCK.get_or_init(|| STRIPE_MOCK.find());
    or_skip(STRIPE_MOCK.name, found)
}

/// A Python with grpcio, its reflection, its generator and protobuf, or `None` where the test is to
/// be skipped.
///
/// # Panics
/// When it is missing in CI.
pub fn python() -> Option<&'static Path> {
    or_skip("Python's grpcio", PYTHON.get_or_init(install_grpcio))
}

/// A Python with Standard Webhooks' own library, or `None` where the test is to be skipped.
///
/// # Panics
/// When it is missing in CI.
pub fn python_with_standardwebhooks() -> Option<&'static Path> {
    let found = WEBHOOKS_PYTHON.get_or_init(install_standardwebhooks);
    or_skip("Python's standardwebhooks", found)
}

/// A Python with pikepdf, which checks the syntax of PDF files, and pypdf, which reads their text,
/// or `None` where the test is to be skipped.
///
/// # Panics
/// When it is missing in CI.
pub fn pdf_reader() -> Option<&'static Path> {
    or_skip(
        "Python's pikepdf",
        PDF_READER.get_or_init(install_pdf_reader),
    )
}

/// A Python with the mail server aiosmtpd, or `None` where the test is to be skipped.
///
/// # Panics
/// When it is missing in CI.
pub fn aiosmtpd() -> Option<&'static Path> {
    or_skip("Python's aiosmtpd", AIOSMTPD.get_or_init(install_aiosmtpd))
}

/// A folder with the `go.mod` and `go.sum` of a client in Go, and the generators of its code in
/// `bin`, or `None` where the test is to be skipped.
///
/// # Panics
/// When it is missing in CI.
pub fn go_module() -> Option<&'static Path> {
    or_skip("Go", GO_MODULE.get_or_init(install_go_module))
}

/// The `node_modules` of a client in TypeScript, or `None` where the test is to be skipped: without
/// npm, which nothing else needs.
///
/// # Panics
/// When npm fails in CI.
pub fn node_modules() -> Option<&'static Path> {
    if Command::new("npm").arg("--version").output().is_err() {
        skip("npm", "it is not installed");
        return None;
    }
    or_skip("Node", NODE_MODULES.get_or_init(install_node_modules))
}

/// A developer may lack a tool; CI may not.
fn or_skip(tool: &str, found: &'static Result<PathBuf, String>) -> Option<&'static Path> {
    match found {
        Ok(path) => Some(path),
        Err(reason) if env::var_os("CI").is_some() => panic!("no {tool}: {reason}"),
        Err(reason) => {
            skip(tool, reason);
            None
        }
    }
}

/// Past the capture of output, so that skips are seen.
fn skip(tool: &str, reason: &str) {
    let test = thread::current().name().unwrap_or_default().to_owned();
    let _unseen = writeln!(stderr(), "skipped: {test}: no {tool}: {reason}");
}

impl GoProgram {
    fn find(&self) -> Result<PathBuf, String> {
        if let Some(named) = env::var_os(self.named_by) {
            return Ok(named.into());
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let of_go = env::home_dir().map(|home| home.join("go/bin"));
        env::split_paths(&path)
            .chain(of_go)
            .map(|dir| dir.join(self.name))
            .find(|program| program.is_file())
            .map_or_else(|| self.install(), Ok)
    }

    fn install(&self) -> Result<PathBuf, String> {
        let package = format!("{}@{}", self.package, self.version);
        let bin = install(&format!("{}-{}", self.name, self.version), |staging| {
            let bin = staging.join("bin");
            run(Command::new("go")
                .args(["install", &package])
                .env("GOBIN", &bin))?;
            Ok(bin)
        })?;
        Ok(bin.join(self.name))
    }
}

/// With what its code is made from, too.
fn install_grpcio() -> Result<PathBuf, String> {
    let packages = [
        format!("grpcio=={GRPCIO_VERSION}"),
        format!("grpcio-reflection=={GRPCIO_VERSION}"),
        format!("grpcio-tools=={GRPCIO_VERSION}"),
        format!("googleapis-common-protos=={GOOGLEAPIS_VERSION}"),
        format!("protobuf=={PROTOBUF_VERSION}"),
    ];
    install_python(&format!("grpcio-tools-{GRPCIO_VERSION}"), &packages)
}

fn install_standardwebhooks() -> Result<PathBuf, String> {
    let package = format!("standardwebhooks=={STANDARDWEBHOOKS_VERSION}");
    let folder = format!("standardwebhooks-{STANDARDWEBHOOKS_VERSION}");
    install_python(&folder, &[package])
}

fn install_pdf_reader() -> Result<PathBuf, String> {
    let packages = [
        format!("pikepdf=={PIKEPDF_VERSION}"),
        format!("pypdf=={PYPDF_VERSION}"),
    ];
    install_python(&format!("pikepdf-{PIKEPDF_VERSION}"), &packages)
}

fn install_aiosmtpd() -> Result<PathBuf, String> {
    let folder = format!("aiosmtpd-{AIOSMTPD_VERSION}");
    install_python(&folder, &[format!("aiosmtpd=={AIOSMTPD_VERSION}")])
}

/// A Python with packages. Only wheels: without one for this machine, building grpcio would take
/// half an hour.
fn install_python(folder: &str, packages: &[String]) -> Result<PathBuf, String> {
    let environment = install(folder, |staging| {
        let environment = staging.join("python");
        run(Command::new("python3")
            .args(["-m", "venv"])
            .arg(&environment))?;
        run(Command::new(environment.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--only-binary", ":all:"])
            .args(packages))?;
        Ok(environment)
    })?;
    Ok(environment.join("bin/python"))
}

fn install_go_module() -> Result<PathBuf, String> {
    install(&format!("go-client-{PROTOC_GEN_GO_VERSION}"), |staging| {
        let module = staging.join("module");
        fs::create_dir(&module).map_err(|error| error.to_string())?;
        let go = |arguments: &[&str]| {
            let mut command = Command::new("go");
            command.args(arguments).current_dir(&module);
            run(command.env("GOBIN", module.join("bin")))
        };
        go(&["mod", "init", "gateway"])?;
        go(&[&["get"], GO_MODULES.as_slice()].concat())?;
        for (generator, version) in [
            ("protobuf/cmd/protoc-gen-go", PROTOC_GEN_GO_VERSION),
            ("grpc/cmd/protoc-gen-go-grpc", PROTOC_GEN_GO_GRPC_VERSION),
        ] {
            go(&[
                "install",
                &format!("google.golang.org/{generator}@{version}"),
            ])?;
        }
        Ok(module)
    })
}

fn install_node_modules() -> Result<PathBuf, String> {
    let folder = format!("typescript-client-{}", NODE_PACKAGES[0].1);
    let packages = install(&folder, |staging| {
        let packages = NODE_PACKAGES.map(|(name, version)| format!("{name}@{version}"));
        run(Command::new("npm")
            .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
            .arg(staging.join("packages"))
            .args(packages))?;
        Ok(staging.join("packages"))
    })?;
    Ok(packages.join("node_modules"))
}
