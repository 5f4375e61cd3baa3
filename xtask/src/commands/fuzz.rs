//! `cargo xtask fuzz`: the parsers of conditions and of `runbook.toml`, under inputs that libFuzzer makes up by watching
//! which of their lines an input reaches.
//!
//! That needs no nightly Rust and nothing to install: the pass of LLVM that counts coverage is one that stable rustc can be
//! told to run, and libFuzzer comes as a crate. What is asserted is in `fuzz/src`; what cannot be seen this way, such as
//! memory that is misused, the workspace does not have, as it forbids unsafe code.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, bail};

use crate::{
    passes,
    tools::{Checkout, Misuse, program, text},
};

/// The targets, and how long their inputs may get, in bytes.
const TARGETS: [(&str, u32); 2] = [("condition", 1_024), ("configuration", 4_096)];
const SECONDS: u32 = 30;
/// Longer than any honest input takes, on a machine that is busy.
const HANG_SECONDS: u32 = 20;
const MEMORY_MB: u32 = 2_048;
/// What cargo-fuzz tells rustc as well, but for the sanitizers.
const FLAGS: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    // Functions with counters are inlined within one unit only.
    "-Ccodegen-units=1",
];

pub(crate) fn start(checkout: &Checkout, arguments: &[OsString]) -> Result<ExitCode> {
    let wanted = Wanted::read(arguments)?;
    let programs = build(checkout, &wanted)?;
    let mut is_sound = true;
    for (&(target, longest), program) in wanted.targets.iter().zip(&programs) {
        let fuzzed = Fuzzed { target, longest, program, folder: folder(checkout) };
        is_sound &= fuzzed.run(checkout, &wanted)?;
    }
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    targets: Vec<(&'static str, u32)>,
    /// Files to run once each, instead of making inputs up.
    inputs: Vec<PathBuf>,
    /// How long each target gets.
    seconds: u32,
}

impl Wanted {
    fn read(arguments: &[OsString]) -> Result<Self, Misuse> {
        let mut wanted = Self { targets: TARGETS.to_vec(), inputs: Vec::new(), seconds: SECONDS };
        let mut is_named = false;
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let word = argument.to_string_lossy();
            if let Some(value) = word.strip_prefix("--seconds") {
                let value = match value.strip_prefix('=') {
                    Some(value) => Some(value.to_owned()),
                    None if value.is_empty() => rest.next().map(|value| value.to_string_lossy().into_owned()),
                    None => return Err(Misuse(format!("there is no option {word}"))),
                };
                let seconds = value.and_then(|value| value.parse::<u32>().ok()).filter(|seconds| *seconds > 0);
                wanted.seconds = seconds.ok_or_else(|| Misuse("--seconds takes a whole number above 0".to_owned()))?;
            } else if word.starts_with('-') {
                return Err(Misuse(format!("there is no option {word}")));
            } else if is_named {
                wanted.inputs.push(PathBuf::from(argument));
            } else {
                is_named = true;
                wanted.targets.retain(|(target, _)| *target == word);
                if wanted.targets.is_empty() {
                    let known = TARGETS.map(|(target, _)| target).join(", ");
                    return Err(Misuse(format!("there is no fuzz target {word:?}; there are {known}")));
                }
            }
        }
        Ok(wanted)
    }
}

/// Where everything is made: builds, what was found worth keeping, and inputs that broke something.
fn folder(checkout: &Checkout) -> PathBuf {
    checkout.target().join("fuzz")
}

/// Builds the targets, and says where their programs are.
fn build(checkout: &Checkout, wanted: &Wanted) -> Result<Vec<PathBuf>> {
    let host = host(checkout)?;
    // With a target named, the flags do not reach build scripts and macros, which run here.
    let mut cargo = checkout.cargo(&["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", &host]);
    cargo.arg("--target-dir").arg(folder(checkout));
    cargo.args(wanted.targets.iter().flat_map(|(target, _)| ["--bin", *target]));
    cargo.env("RUSTFLAGS", FLAGS.join(" ")).env_remove("CARGO_ENCODED_RUSTFLAGS");
    if !passes(&mut cargo)? {
        bail!("failed to build the fuzz targets: see above. A missing C++ compiler is `apt-get install g++`");
    }
    let built = folder(checkout).join(host).join("release");
    Ok(wanted.targets.iter().map(|(target, _)| built.join(target)).collect())
}

/// The machine that cargo builds for when nobody names one.
fn host(checkout: &Checkout) -> Result<String> {
    let said = text(&mut checkout.cargo(&["-vV"]))?;
    host_in(&said).map(str::to_owned).context("`cargo -vV` does not say which host it is for")
}

fn host_in(said: &str) -> Option<&str> {
    said.lines().find_map(|line| line.strip_prefix("host: ")).map(str::trim)
}

/// A target that is built.
struct Fuzzed<'a> {
    target: &'a str,
    longest: u32,
    program: &'a Path,
    folder: PathBuf,
}

impl Fuzzed<'_> {
    /// Whether nothing broke it.
    fn run(&self, checkout: &Checkout, wanted: &Wanted) -> Result<bool> {
        let artifacts = self.made("artifacts")?;
        let before = files(&artifacts)?;
        let mut fuzzer = self.command(&artifacts);
        if wanted.inputs.is_empty() {
            eprintln!("fuzz {}: {} s", self.target, wanted.seconds);
            // What is found goes to the first folder; the seeds are only read.
            fuzzer.arg(format!("-max_total_time={}", wanted.seconds)).arg(self.made("corpus")?);
            fuzzer.arg(checkout.root().join("fuzz/seeds").join(self.target));
        } else {
            fuzzer.args(&wanted.inputs);
        }
        let is_sound = passes(&mut fuzzer)?;
        if is_sound {
            println!("{}: nothing broke it", self.target);
        } else {
            let found: Vec<PathBuf> = files(&artifacts)?.difference(&before).cloned().collect();
            println!("{}", broken(self.target, &found));
        }
        Ok(is_sound)
    }

    fn command(&self, artifacts: &Path) -> Command {
        // libFuzzer puts the names of its files right behind the prefix.
        let mut prefix = OsString::from("-artifact_prefix=");
        prefix.push(artifacts.join(""));
        let mut fuzzer = program(self.program);
        fuzzer.arg(prefix).args(["-verbosity=0", "-print_final_stats=1"]).args([
            format!("-max_len={}", self.longest),
            format!("-timeout={HANG_SECONDS}"),
            format!("-rss_limit_mb={MEMORY_MB}"),
        ]);
        fuzzer
    }

    /// A folder of this target, which is there from now on.
    fn made(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name).join(self.target);
        fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
        Ok(folder)
    }
}

fn files(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))?;
    entries.map(|entry| Ok::<_, anyhow::Error>(entry?.path())).collect()
}

/// What is said of a target that broke: the inputs that are new, and how to see each again.
fn broken(target: &str, found: &[PathBuf]) -> String {
    if found.is_empty() {
        return format!("{target}: BROKEN by an input that is known already, or was given; libFuzzer names it above");
    }
    let lines = found.iter().map(|input| {
        let input = input.display();
        let again = format!("again: cargo xtask fuzz {target} {input}");
        format!("{target}: BROKEN by {input}\n  {again}\n  once it is mended, keep the input in fuzz/seeds/{target}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use super::*;

    fn read(line: &str) -> Result<Wanted, Misuse> {
        Wanted::read(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    fn targets(line: &str) -> Vec<&'static str> {
        read(line).unwrap().targets.into_iter().map(|(target, _)| target).collect()
    }

    #[test]
    fn both_targets_are_fuzzed_unless_one_is_named() {
        assert_eq!(targets(""), ["condition", "configuration"]);
        assert_eq!(targets("--seconds 5"), ["condition", "configuration"]);
        assert_eq!(targets("configuration"), ["configuration"]);
        let wanted = read("condition --seconds=5 a/crash-1 b").unwrap();
        assert_eq!(wanted.targets, [("condition", 1_024)]);
        assert_eq!((wanted.seconds, wanted.inputs), (5, vec![PathBuf::from("a/crash-1"), PathBuf::from("b")]));
        assert_eq!(read("").unwrap().seconds, SECONDS);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for line in
            ["--seconds", "--seconds 0", "--seconds=-1", "--seconds many", "--secondss 5", "--fast", "condition -x"]
        {
            assert!(read(line).is_err(), "{line}");
        }
        let error = read("conditions").unwrap_err().to_string();
        assert_eq!(error, "there is no fuzz target \"conditions\"; there are condition, configuration");
    }

    #[test]
    fn the_host_is_read_from_what_cargo_says() {
        assert_eq!(
            host_in("cargo 1.95.0\nrelease: 1.95.0\nhost: x86_64-unknown-linux-gnu\n"),
            Some("x86_64-unknown-linux-gnu")
        );
        assert_eq!(host_in("cargo 1.95.0\n"), None);
    }

    #[test]
    fn a_broken_target_is_told_with_its_input_and_the_way_to_repeat_it() {
        let told = broken("condition", &[PathBuf::from("/t/crash-1")]);
        assert!(told.starts_with("condition: BROKEN by /t/crash-1\n"), "{told}");
        assert!(told.contains("cargo xtask fuzz condition /t/crash-1\n"), "{told}");
        assert!(broken("condition", &[]).contains("known already"));
    }

    /// Each has the folder of seeds that its run is given.
    #[test]
    fn every_target_has_its_seeds() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        for (target, longest) in TARGETS {
            let seeds = files(&fuzz.join("seeds").join(target)).unwrap();
            assert!(!seeds.is_empty(), "{target}");
            assert!(fuzz.join(format!("fuzz_targets/{target}.rs")).is_file(), "{target}");
            for seed in seeds {
                let length = fs::metadata(&seed).unwrap().len();
                assert!(length <= u64::from(longest), "{} would be cut off", seed.display());
            }
        }
    }
}
