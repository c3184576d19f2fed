//! The machine code of the functions: each calls the tape parser at one place, and compresses by igzip.
//!
//! The parser is inlined into the one event loop (`pipeline/src/events/reader.rs`). A second place in the same program makes it
//! 30 % slower, and no other test sees that.

use std::path::Path;
use std::process::Command;

use tests::place;

/// The functions that read events.
const READ_EVENTS: [&str; 4] = ["firehose-transform", "kafka-ingest", "kinesis-ingest", "s3-ingest"];

/// The symbol of the parser. It is gone where the parser is inlined.
const PARSER: &str = "9simd_json12Deserializer16fill_tape_padded17h";
/// Each copy of `Decoder::decode`, which is inlined, refers to this function once, for a value that is not JSON.
const BESIDE_THE_PARSER: &str = "8pipeline6decode7explain17h";

#[test]
fn each_function_calls_the_parser_at_one_place() {
    if let Err(error) = Command::new("objdump").arg("--version").output() {
        return place::missing("objdump of binutils", &error.to_string());
    }
    for function in READ_EVENTS {
        let binary = Listing::of(&place::function(function));
        let copies = binary.references(BESIDE_THE_PARSER);
        assert_eq!(copies.len(), 1, "{function} (a stripped binary has none): {copies:#?}");
        // The optimiser may unroll the first try of `decode`, and so call the one parser from two instructions.
        let parsers = binary.symbols.lines().filter(|line| line.contains(PARSER)).count();
        assert!(parsers <= 1, "{function}: {parsers} parsers");
    }
}

#[test]
fn requests_are_compressed_by_igzip() {
    if gzip::COMPRESSOR != "igzip" {
        return place::missing("nasm", "it was missing when the package gzip was compiled (cargo clean -p gzip)");
    }
    for function in ["kafka-ingest", "kinesis-ingest", "s3-ingest"] {
        let symbols = run(Command::new("nm").arg(place::function(function)));
        assert!(symbols.contains(" isal_deflate\n"), "{function} compresses by zlib-rs");
    }
}

/// A binary as binutils list it.
struct Listing {
    symbols: String,
    relocations: String,
    code: String,
}

impl Listing {
    fn of(binary: &Path) -> Self {
        Self {
            symbols: run(Command::new("nm").arg(binary)),
            relocations: run(Command::new("readelf").args(["--relocs", "--wide"]).arg(binary)),
            code: run(Command::new("objdump").args(["--disassemble", "--no-show-raw-insn"]).arg(binary)),
        }
    }

    /// The instructions that call a function, or load its address from the table that the linker made.
    fn references(&self, symbol: &str) -> Vec<&str> {
        let addresses: Vec<&str> =
            self.symbols.lines().filter(|line| line.contains(symbol)).map(first_number).collect();
        let is_slot = |line: &&str| line.split(' ').next_back().is_some_and(|last| addresses.contains(&last));
        // objdump shows the slot of such a table as `# 17cc0c8 <_DYNAMIC+0xc9e0>`.
        let slots: Vec<String> =
            self.relocations.lines().filter(is_slot).map(|line| format!("# {} <", first_number(line))).collect();
        let refers = |line: &&str| {
            let is_direct = line.contains(symbol) && line.ends_with('>') && !line.contains("+0x");
            is_direct || (line.contains("# ") && slots.iter().any(|slot| line.contains(slot.as_str())))
        };
        self.code.lines().filter(|line| line.ends_with('>')).filter(refers).collect()
    }
}

/// The number that a line begins with, as objdump writes it.
fn first_number(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default().trim_start_matches('0')
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("binutils run");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
