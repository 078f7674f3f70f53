//! The server process: its folder, its user, its port and its end.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
};

use tempfile::TempDir;

use crate::{binaries, install::run};

/// "nobody": the server refuses to run as root.
const UNPRIVILEGED: u32 = 65534;
/// How often another process may snatch the chosen port before we give up.
const PORT_ATTEMPTS: u32 = 5;
const PORT_TAKEN: &str = "Address already in use";

/// Runs the server until standard input closes, which the system sees to however the tests end,
/// and leaves nothing behind. The tests kill only billing servers, so nothing is synced to disk.
const RUN_UNTIL_STDIN_CLOSES: &str = r#"
trap 'rm -rf "$2"' EXIT
"$1/initdb" -D "$2/data" -U postgres -A trust -E UTF8 --locale=C --no-sync 2>&1 || exit
"$1/postgres" -D "$2/data" -p "$3" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
    -c max_connections=200 -c timezone=UTC \
    -c fsync=off -c full_page_writes=off -c synchronous_commit=off 2>&1 &
server=$!
exec >/dev/null 2>&1
read -r _
# The second lets no open connection delay the end, but is lost on a server that has just begun.
kill -TERM "$server"
kill -QUIT "$server"
wait "$server"
"#;

/// A running server; it ends with the test process.
pub(super) struct Postgres {
    port: u16,
    /// Holds the pipe whose closing ends the server.
    _lifeline: Child,
}

impl Postgres {
    pub(super) fn start() -> Result<Self, String> {
        let found = binaries::find()?;
        let mut failure = String::new();
        for _ in 0..PORT_ATTEMPTS {
            match Self::launch(&found) {
                Err(reason) if reason.contains(PORT_TAKEN) => failure = reason,
                other => return other,
            }
        }
        Err(failure)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    fn launch(found: &Path) -> Result<Self, String> {
        let home = server_folder()?;
        let bin = reachable(found, home.path())?;
        let port = free_port().map_err(|error| format!("no free port: {error}"))?;
        let mut shell = Command::new("sh");
        if is_root() {
            shell.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
        }
        let mut lifeline = shell
            .args(["-c", RUN_UNTIL_STDIN_CLOSES, "sh"])
            .args([bin.as_path(), home.path(), Path::new(&port.to_string())])
            .env("LD_LIBRARY_PATH", bin.join("../lib"))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C must not end the shell before it has cleaned up.
            .process_group(0)
            .spawn()
            .map_err(|error| format!("sh does not start: {error}"))?;
        let _folder_is_now_the_shells = home.keep();
        let log = lifeline.stdout.take().ok_or("the shell has no output")?;
        wait_until_ready(log)?;
        Ok(Self {
            port,
            _lifeline: lifeline,
        })
    }
}

/// Returns at the server's own word that it is ready, and keeps its log from filling the pipe.
fn wait_until_ready(log: ChildStdout) -> Result<(), String> {
    let mut lines = BufReader::new(log).lines().map_while(Result::ok);
    let mut seen = Vec::new();
    for line in lines.by_ref() {
        if line.contains("ready to accept connections") {
            thread::spawn(move || lines.for_each(drop));
            return Ok(());
        }
        seen.push(line);
    }
    Err(format!("the server ended at once: {}", seen.join("\n")))
}

/// A short path that any user can reach, owned by the user that the server runs as.
fn server_folder() -> Result<TempDir, String> {
    let create = || {
        let dir = tempfile::Builder::new()
            .prefix("billing-tests-")
            .tempdir_in("/tmp")?;
        if is_root() {
            chown(dir.path(), Some(UNPRIVILEGED), Some(UNPRIVILEGED))?;
        }
        Ok(dir)
    };
    create().map_err(|error: std::io::Error| format!("no folder in /tmp: {error}"))
}

/// The binaries' folder, copied into `home` when the server's user cannot get at it.
fn reachable(bin: &Path, home: &Path) -> Result<PathBuf, String> {
    let open_to_all = |dir: &Path| fs::metadata(dir).is_ok_and(|meta| meta.mode() & 0o005 == 0o005);
    if !is_root() || bin.ancestors().all(open_to_all) {
        return Ok(bin.to_owned());
    }
    let installation = bin.parent().ok_or("the binaries lie in no folder")?;
    let copy = home.join("postgresql");
    run(Command::new("cp").arg("-r").arg(installation).arg(&copy))?;
    let owner = format!("{UNPRIVILEGED}:{UNPRIVILEGED}");
    run(Command::new("chown").args(["-R", &owner]).arg(&copy))?;
    Ok(copy.join("bin"))
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
