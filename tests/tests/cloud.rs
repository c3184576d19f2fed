//! What is deployed: the template, the functions as SAM builds them, and both under what AWS and SAM make of them.
//!
//! In: template.yaml, events. What is needed (SAM, an engine for containers) is installed by scripts/; where it
//! can't be had, that is said. Deliberately absent: AWS itself, and the behaviour of the functions in detail (`wire`).

mod cloud {
    mod deployed;
    mod sam;
    mod template;
}
