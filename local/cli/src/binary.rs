//! Finds the binary of a function: the configured one, or the one beside this executable. In a workspace it is built
//! first.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The binary of a function, such as `s3-ingest`. It is in the folder `MILLRACE_FUNCTIONS` if that is set, else beside
/// this executable. In the second case cargo builds it first, so that it is never older than its source. Without cargo
/// or a workspace the existing file is used.
///
/// # Errors
/// The binary is missing and can't be built.
pub fn function(name: &str) -> io::Result<PathBuf> {
    function_beside(&std::env::current_exe()?, name)
}

/// Like [`function`], beside the executable `own` of this package.
///
/// # Errors
/// The binary is missing and can't be built.
pub fn function_beside(own: &Path, name: &str) -> io::Result<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "this is the environment of `millrace`, not of a function")]
    if let Some(folder) = std::env::var_os("MILLRACE_FUNCTIONS") {
        return Ok(Path::new(&folder).join(name));
    }
    let Some(folder) = own.parent() else { return Err(io::Error::other("this executable has no parent folder")) };
    let binary = folder.join(name);
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml");
    let built = if manifest.exists() { build(name, folder, &manifest) } else { Ok(()) };
    match built {
        _ if !binary.exists() => Err(io::Error::other(match built {
            Err(error) => format!("{name} can't be built: {error}"),
            Ok(()) => format!("{} is missing: cargo build --release -p {name}", binary.display()),
        })),
        Err(error) => {
            tracing::warn!(%error, function = name, "the build failed, so the existing binary is used");
            Ok(binary)
        }
        Ok(()) => Ok(binary),
    }
}

fn build(name: &str, folder: &Path, manifest: &Path) -> io::Result<()> {
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let mut cargo = Command::new("cargo");
    // Build it together with this package, which is built already. Alone, cargo would choose other features for shared
    // crates and compile all of them again.
    cargo
        .args(["build", "--profile", profile, "-p", name, "-p", env!("CARGO_PKG_NAME"), "--manifest-path"])
        .arg(manifest);
    cargo.arg("--target-dir").arg(folder.parent().unwrap_or(folder));
    // `cargo run` sets these variables for this package. Build scripts would see them as a change and compile again.
    #[expect(clippy::disallowed_methods, reason = "only names are read, to take them away from a child process")]
    for (name, _) in std::env::vars_os() {
        if ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            cargo.env_remove(name);
        }
    }
    let status = cargo.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("cargo build: {status}"))) }
}
