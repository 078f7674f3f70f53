//! The clients of docs/clients.md, run as they stand there.

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use integration_tests::{Backend, TestServer, tools};
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::{EVERYTHING, operator, set_example_prices};

const PAGE: &str = include_str!("../../../../docs/clients.md");
const PROTO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto");
/// How the page generates code, in each language.
const GENERATE: &str = "python -m grpc_tools.protoc";

/// What the page has in fences of a language, one after the other.
fn blocks(language: &str) -> Vec<&'static str> {
    let mut blocks = Vec::new();
    let mut rest = PAGE;
    while let Some((_, begun)) = rest.split_once(&format!("```{language}\n")) {
        let (block, after) = begun.split_once("```").expect("a fence ends");
        blocks.push(block);
        rest = after;
    }
    blocks
}

/// A folder as a reader of the page has it: `proto`, the program, and the generated code.
struct Workplace {
    folder: TempDir,
    path: String,
}

impl Workplace {
    /// Writes the page's program of a language. Tools are in the folders of `bins`.
    fn new(language: &str, program: &str, bins: &[PathBuf]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        symlink(PROTO, folder.path().join("proto")).unwrap();
        fs::write(folder.path().join(program), blocks(language)[0]).unwrap();
        let path = env::var_os("PATH").unwrap_or_default();
        let path = bins.iter().cloned().chain(env::split_paths(&path));
        let path = env::join_paths(path).unwrap().into_string().unwrap();
        Self { folder, path }
    }

    /// Generates code by the page's own command, which is the one with `option`.
    async fn generate(&self, option: &str) {
        let commands = blocks("sh").concat().replace("\\\n", " ");
        let mut lines = commands.lines();
        let found = lines.find(|line| line.starts_with(GENERATE) && line.contains(option));
        let command = found.expect("the page generates code");
        self.run("sh", &["-c", command], &[]).await;
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a program to its end and answers what it printed.
    async fn run(&self, program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> String {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.path());
        command
            .env("PATH", &self.path)
            .envs(variables.iter().copied());
        let output = command.output().await.expect("the program starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?}: {said}");
        String::from_utf8(output.stdout).expect("it prints text")
    }

    /// Runs the client twice: the repeat is charged nothing.
    async fn records_once(&self, program: &str, arguments: &[&str]) {
        let server = TestServer::start(Backend::Sqlite).await;
        set_example_prices(&operator(&server).await).await;
        let address = server.addr().to_string();
        let token = server.token("gateway", EVERYTHING).await;
        let variables = [("ADDRESS", address.as_str()), ("TOKEN", token.as_str())];
        for duplicate in ["false", "true"] {
            let printed = self.run(program, arguments, &variables).await;
            let expected = format!("cost 0.06 duplicate {duplicate}\ntokens 1500 total 0.06\n");
            assert_eq!(printed.to_lowercase(), expected);
        }
    }
}

fn folder_of(program: &Path) -> PathBuf {
    program
        .parent()
        .expect("a program is in a folder")
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_of_the_page_records_once_and_reads_figures() {
    let Some(python) = tools::python() else {
        return;
    };
    let bins = [folder_of(python)];
    let workplace = Workplace::new("python", "client.py", &bins);
    workplace.generate("--python_out").await;
    workplace.records_once("python", &["client.py"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_go_of_the_page_records_once_and_reads_figures() {
    let (Some(python), Some(module)) = (tools::python(), tools::go_module()) else {
        return;
    };
    let bins = [folder_of(python), module.join("bin")];
    let workplace = Workplace::new("go", "main.go", &bins);
    workplace.generate("--go_out").await;
    for file in ["go.mod", "go.sum"] {
        fs::copy(module.join(file), workplace.path().join(file)).unwrap();
    }
    workplace.run("go", &["vet", "./..."], &[]).await;
    workplace
        .run("go", &["build", "-o", "client", "."], &[])
        .await;
    let client = workplace.path().join("client");
    workplace.records_once(client.to_str().unwrap(), &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_typescript_of_the_page_records_once_and_reads_figures() {
    let (Some(python), Some(modules)) = (tools::python(), tools::node_modules()) else {
        return;
    };
    let bins = [folder_of(python), modules.join(".bin")];
    let workplace = Workplace::new("ts", "client.ts", &bins);
    symlink(modules, workplace.path().join("node_modules")).unwrap();
    workplace.generate("--es_out").await;
    workplace.records_once("tsx", &["client.ts"]).await;
}
