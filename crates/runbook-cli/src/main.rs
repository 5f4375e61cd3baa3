//! The `runbook` binary: the built-in kinds, and nothing else.

fn main() -> std::process::ExitCode {
    runbook_cli::App::new().main()
}
