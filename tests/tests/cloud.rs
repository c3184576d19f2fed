//! What is deployed: the template, the functions as SAM builds them, both under what AWS and SAM make of them, and the
//! whole stack at work on an emulator of AWS.
//!
//! In: template.yaml, events. What is needed (SAM, an engine for containers, `LocalStack`) is installed by scripts/; where
//! it can't be had, that is said. Deliberately absent: AWS itself, and the behaviour of the functions in detail (`wire`).

mod cloud {
    mod deployed;
    mod localstack;
    mod locked;
    mod sam;
    mod template;
}
