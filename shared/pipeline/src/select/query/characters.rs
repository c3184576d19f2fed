//! The characters of a word in a query.

/// Characters that may begin a word. A `\` escapes any other.
pub(super) fn begins_word(c: char) -> bool {
    !matches!(
        c,
        ' ' | '\t'
            | '\n'
            | '\r'
            | '\u{3000}'
            | '+'
            | '-'
            | '!'
            | '('
            | ')'
            | ':'
            | '^'
            | '['
            | ']'
            | '"'
            | '{'
            | '}'
            | '~'
            | '*'
            | '?'
            | '/'
    )
}

/// Characters that may follow in a word.
pub(super) fn in_word(c: char) -> bool {
    c != '\\' && (begins_word(c) || matches!(c, '-' | '+' | '*' | '?'))
}
