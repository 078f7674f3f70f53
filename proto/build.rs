//! Compiles the .proto files without protoc.

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=billing");
    println!("cargo:rerun-if-changed=google");
    let mut files = Vec::new();
    for entry in fs::read_dir("billing/v1")? {
        files.push(entry?.path());
    }
    files.sort();

    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(files)?;
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    // protox's own encoding keeps the google.api.http options; prost's types drop extensions.
    fs::write(
        out_dir.join("descriptor.bin"),
        compiler.encode_file_descriptor_set(),
    )?;
    tonic_prost_build::configure().compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
