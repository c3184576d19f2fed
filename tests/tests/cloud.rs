//! The deployment: the template, the functions as SAM builds them, and the whole stack on an emulator of AWS.
//!
//! In: template.yaml, events. The scripts in scripts/ install the components: SAM, a container engine, `LocalStack`. A
//! component that cannot be installed is reported. Deliberately absent: AWS itself, and the details of the functions'
//! behaviour (`wire`).

#[path = "../../local/cli/tests/millrace/terminal.rs"]
mod terminal;

mod cloud {
    mod deployed;
    mod localstack;
    mod locked;
    mod released;
    mod sam;
    mod template;
    mod wrappers;
}
