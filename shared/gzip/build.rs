//! Compiles igzip, the compressor of ISA-L, from the sources in the package isal-sys.
//!
//! igzip is hand-written assembler. Where it cannot be compiled (no Linux, another processor than `x86_64` and `arm64`, no nasm), the
//! package compresses by zlib-rs and cargo prints why. With `MILLRACE_IGZIP=required`, as in the deployed build
//! (functions/.cargo/config.toml), that is an error. After nasm is installed: `cargo clean -p gzip`.

#![expect(clippy::disallowed_methods, reason = "cargo passes everything to a build script in its environment")]

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

/// The sources for all architectures, relative to the root of ISA-L. Only compression: objects of strangers are inflated by zlib-rs.
const C: &[&str] = &[
    "igzip/igzip.c",
    "igzip/hufftables_c.c",
    "igzip/igzip_base.c",
    "igzip/igzip_icf_base.c",
    "igzip/adler32_base.c",
    "igzip/flatten_ll.c",
    "igzip/encode_df.c",
    "igzip/igzip_icf_body.c",
    "igzip/huff_codes.c",
    "crc/crc_base.c",
];

const X86_64: &[&str] = &[
    "igzip/igzip_body.asm",
    "igzip/igzip_finish.asm",
    "igzip/igzip_icf_body_h1_gr_bt.asm",
    "igzip/igzip_icf_finish.asm",
    "igzip/rfc1951_lookup.asm",
    "igzip/adler32_sse.asm",
    "igzip/adler32_avx2_4.asm",
    "igzip/igzip_multibinary.asm",
    "igzip/igzip_update_histogram_01.asm",
    "igzip/igzip_update_histogram_04.asm",
    "igzip/encode_df_04.asm",
    "igzip/encode_df_06.asm",
    "igzip/proc_heap.asm",
    "igzip/igzip_deflate_hash.asm",
    "igzip/igzip_gen_icf_map_lh1_06.asm",
    "igzip/igzip_gen_icf_map_lh1_04.asm",
    "igzip/igzip_set_long_icf_fg_04.asm",
    "igzip/igzip_set_long_icf_fg_06.asm",
    "crc/crc32_gzip_refl_by8.asm",
    "crc/crc32_gzip_refl_by8_02.asm",
    "crc/crc32_gzip_refl_by16_10.asm",
];

const ARM64: &[&str] = &[
    "igzip/aarch64/igzip_multibinary_arm64.S",
    "igzip/aarch64/igzip_isal_adler32_neon.S",
    "igzip/aarch64/igzip_deflate_body_aarch64.S",
    "igzip/aarch64/igzip_deflate_finish_aarch64.S",
    "igzip/aarch64/isal_deflate_icf_body_hash_hist.S",
    "igzip/aarch64/isal_deflate_icf_finish_hash_hist.S",
    "igzip/aarch64/igzip_set_long_icf_fg.S",
    "igzip/aarch64/encode_df.S",
    "igzip/aarch64/isal_update_histogram.S",
    "igzip/aarch64/gen_icf_map.S",
    "igzip/aarch64/igzip_deflate_hash_aarch64.S",
    "crc/aarch64/crc32_gzip_refl_pmull.S",
    "crc/aarch64/crc32_gzip_refl_3crc_fold.S",
    "crc/aarch64/crc32_gzip_refl_crc_ext.S",
    "crc/aarch64/crc32_mix_default.S",
    "crc/aarch64/crc32_mix_neoverse_n1.S",
];

/// On `x86_64` these two are assembler.
const ARM64_C: &[&str] = &["igzip/aarch64/igzip_multibinary_aarch64_dispatcher.c", "igzip/proc_heap_base.c"];

fn main() -> ExitCode {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=Cargo.toml"); // the version of isal-sys
    println!("cargo:rerun-if-changed=src/igzip.c");
    println!("cargo:rerun-if-env-changed=MILLRACE_IGZIP");
    println!("cargo:rustc-check-cfg=cfg(igzip)");
    match build() {
        Ok(()) => println!("cargo:rustc-cfg=igzip"),
        Err(why) if env::var("MILLRACE_IGZIP").is_ok_and(|wanted| wanted == "required") => {
            eprintln!("igzip, which compresses requests, cannot be compiled: {why}");
            return ExitCode::FAILURE;
        }
        Err(why) => {
            println!("cargo:warning=requests are compressed by zlib-rs, which takes more CPU than igzip: {why}");
        }
    }
    ExitCode::SUCCESS
}

fn build() -> Result<(), String> {
    let (system, architecture) = (variable("CARGO_CFG_TARGET_OS"), variable("CARGO_CFG_TARGET_ARCH"));
    let is_arm64 = architecture == "aarch64";
    if system != "linux" || !(is_arm64 || architecture == "x86_64") {
        return Err(format!("it has no assembler for {system} on {architecture}"));
    }
    let root = isal()?;
    let assembled = if is_arm64 { assemble_for_arm64(&root)? } else { assemble_for_x86_64(&root)? };
    let others = if is_arm64 { ARM64_C } else { &[] };
    compiler(&root)
        .files(C.iter().chain(others).map(|source| root.join(source)))
        .file("src/igzip.c")
        .objects(assembled)
        .try_compile("igzip")
        .map_err(|error| format!("the C compiler failed: {error}"))
}

/// Optimises in a build for tests too, since a slow compressor would only cost time. Keeps paths of this machine out of the
/// library: its assertions name their files.
fn compiler(root: &Path) -> cc::Build {
    let mut build = cc::Build::new();
    build.includes(["include", "igzip", "crc"].map(|folder| root.join(folder)));
    build.opt_level(2).debug(false).warnings(false);
    build.flag_if_supported("-g0").flag_if_supported(format!("-ffile-prefix-map={}=isa-l", root.display()));
    build
}

fn assemble_for_arm64(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut build = compiler(root);
    // gcc defines it, clang does not, and the headers ask for it.
    build.define("__ASSEMBLY__", None).files(ARM64.iter().map(|source| root.join(source)));
    build.try_compile_intermediates().map_err(|error| format!("the assembler failed: {error}"))
}

/// Runs nasm in `root` with relative paths, because nasm writes the path into the object.
fn assemble_for_x86_64(root: &Path) -> Result<Vec<PathBuf>, String> {
    let out = PathBuf::from(variable("OUT_DIR"));
    let assemble = |source: &&str| {
        let object = out.join(source.replace('/', "-")).with_extension("o");
        let mut nasm = Command::new("nasm");
        nasm.current_dir(root).args(["-f", "elf64", "-I", "include/", "-I", "igzip/", "-I", "crc/"]);
        nasm.args(["-DAS_FEATURE_LEVEL=10", "-DHAVE_AS_KNOWS_AVX512", source, "-o"]).arg(&object);
        match nasm.output() {
            Ok(run) if run.status.success() => Ok(object),
            Ok(run) => Err(format!("nasm {source}: {}", String::from_utf8_lossy(&run.stderr).trim())),
            Err(error) => Err(format!("the assembler nasm is needed (package nasm of your system): {error}")),
        }
    };
    X86_64.iter().map(assemble).collect()
}

/// The root of ISA-L in the package isal-sys. `cargo fetch` downloads it, and `cargo build` does not, since no platform
/// needs it: then this does, with the network.
fn isal() -> Result<PathBuf, String> {
    let metadata = metadata(&["--offline"]).or_else(|_| metadata(&[]))?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let manifest = packages.filter(|package| package["name"] == "isal-sys").find_map(|p| p["manifest_path"].as_str());
    let manifest = manifest.ok_or("cargo metadata does not list isal-sys")?;
    Ok(Path::new(manifest).with_file_name("isa-l"))
}

fn metadata(options: &[&str]) -> Result<serde_json::Value, String> {
    let mut cargo = Command::new(variable("CARGO"));
    cargo.args(["metadata", "--format-version", "1", "--locked"]).args(options);
    let run = cargo.output().map_err(|error| format!("cargo metadata: {error}"))?;
    if !run.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&run.stderr).trim()));
    }
    serde_json::from_slice(&run.stdout).map_err(|error| format!("the output of cargo metadata: {error}"))
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}
