//! nginx directives in annotations. They are read only to see whether leaving them out lets somebody in.

/// Directives that change or time an answer and keep nobody out.
const HARMLESS: [&str; 27] = [
    "access_log",
    "add_header",
    "charset",
    "chunked_transfer_encoding",
    "client_body_timeout",
    "client_header_timeout",
    "default_type",
    "error_log",
    "expires",
    "gzip",
    "gzip_comp_level",
    "gzip_min_length",
    "gzip_proxied",
    "gzip_types",
    "gzip_vary",
    "keepalive_timeout",
    "log_not_found",
    "more_clear_headers",
    "more_set_headers",
    "proxy_buffering",
    "proxy_connect_timeout",
    "proxy_hide_header",
    "proxy_http_version",
    "proxy_pass_header",
    "proxy_read_timeout",
    "proxy_send_timeout",
    "send_timeout",
];

/// The first directive of a snippet that is not known to keep nobody out; `None` if there is none.
///
/// Anything that is no plain list of directives counts as unknown: blocks, escapes, quotes within a word, and a text that does not end.
/// Reading it in another way than nginx does could hide a directive in what looks like a text or a comment.
#[must_use]
pub fn unknown_directive(snippet: &str) -> Option<String> {
    let mut directive = String::new();
    let mut quote = None;
    let mut comment = false;
    for letter in snippet.chars().chain([';']) {
        let starts_word = directive.chars().next_back().is_none_or(char::is_whitespace);
        match (quote, letter) {
            _ if comment => comment = letter != '\n',
            (_, '\\') => return Some(first_word(&directive, letter)),
            (Some(open), _) => {
                quote = (letter != open).then_some(open);
                directive.push(letter);
            }
            (None, '"' | '\'') if starts_word => {
                quote = Some(letter);
                directive.push(letter);
            }
            (None, '{' | '}' | '"' | '\'') => return Some(first_word(&directive, letter)),
            (None, '#') if starts_word => comment = true,
            (None, ';') => {
                let word = first_word(&directive, ';');
                if word != ";" && !HARMLESS.contains(&&*word) {
                    return Some(word);
                }
                directive.clear();
            }
            (None, _) => directive.push(letter),
        }
    }
    // The last directive has to end: only a comment may be open.
    let ended = quote.is_none() && directive.trim().is_empty();
    (!ended).then(|| first_word(&directive, ';'))
}

/// A word of a snippet for the `http` level that keeps somebody out there, if there is one.
///
/// Most of what stands at that level are definitions (`map`, zones, formats) that do nothing alone, so not all that is unknown counts; but
/// the words are looked for anywhere, in blocks and comments too, which is the safe side.
#[must_use]
pub fn guarding_word(snippet: &str) -> Option<&str> {
    const WORDS: [&str; 9] = [
        "allow",
        "auth_basic",
        "auth_jwt",
        "auth_request",
        "deny",
        "include",
        "limit_conn",
        "limit_req",
        "modsecurity",
    ];
    // Directives with code, which may do anything.
    let is_code = |word: &str| word.contains("_by_lua") || word.starts_with("js_access");
    let mut words = snippet.split(|letter: char| letter.is_whitespace() || matches!(letter, ';' | '{' | '}'));
    words.find(|word| WORDS.contains(word) || is_code(word))
}

fn first_word(directive: &str, otherwise: char) -> String {
    let word = directive.split_whitespace().next();
    word.map_or_else(|| otherwise.to_string(), |word| word.chars().take(40).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_guards_all_requests_is_seen() {
        for (snippet, word) in [
            ("deny 10.0.0.0/8;", Some("deny")),
            ("map $a $b { default 1; }\nlimit_req zone=a;", Some("limit_req")),
            ("access_by_lua_block{ ngx.exit(403) }", Some("access_by_lua_block")),
            ("limit_req_zone $binary_remote_addr zone=a:1m rate=1r/s;", None),
            ("map $http_upgrade $connection { default upgrade; }", None),
            ("proxy_cache_path /tmp/a keys_zone=b:1m;", None),
            ("", None),
        ] {
            assert_eq!(guarding_word(snippet), word, "{snippet}");
        }
    }

    #[test]
    fn only_harmless_directives_pass() {
        for harmless in [
            "",
            "# deny all;\n",
            "add_header A b; # deny all;",
            "more_set_headers \"X-Frame-Options: DENY\";",
            "add_header X-A 'a; deny all;';\n  proxy_read_timeout 60s;",
        ] {
            assert_eq!(unknown_directive(harmless), None, "{harmless}");
        }
        for (snippet, directive) in [
            ("deny all;", "deny"),
            ("add_header A b;\nif ($host = x) { return 403; }", "if"),
            ("add_header A b; deny all", "deny"),
            ("add_header A \"b\\\"; deny all; \";", "add_header"),
            ("add_header A b#c; deny all;", "deny"),
            ("add_header A b\"; deny all; add_header C \"d;", "add_header"),
            ("add_header A \"b; deny all;", "add_header"),
            ("limit_req zone=a;", "limit_req"),
            ("}", "}"),
            ("access_by_lua_block { }", "access_by_lua_block"),
        ] {
            assert_eq!(unknown_directive(snippet).as_deref(), Some(directive), "{snippet}");
        }
    }
}
