//! Sentences with values: a template with named holes, so that another language can put the values in its own order.

use std::fmt::Display;

/// The template with each `{name}` replaced by its value. A value's own braces stay as they are.
#[must_use]
pub fn fill(template: &str, values: &[(&str, &dyn Display)]) -> String {
    let mut text = String::with_capacity(template.len() + 16 * values.len());
    let mut rest = template;
    while let Some((before, hole)) = rest.split_once('{') {
        text.push_str(before);
        let Some((name, after)) = hole.split_once('}') else {
            debug_assert!(false, "a hole without an end in “{template}”");
            return text + &rest[before.len()..];
        };
        match values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => text.push_str(&value.to_string()),
            None => debug_assert!(false, "no value for {{{name}}} of “{template}”"),
        }
        rest = after;
    }
    for (name, _) in values {
        debug_assert!(template.contains(&format!("{{{name}}}")), "“{template}” has no place for {name}");
    }
    text + rest
}

/// The template for one, or the one for any other number. A language with more forms gets them here.
#[must_use]
pub fn plural(count: u64, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_where_the_template_says() {
        assert_eq!(fill("{b} before {a}, {b}", &[("a", &1), ("b", &"two")]), "two before 1, two");
        assert_eq!(fill("plain", &[]), "plain");
        assert_eq!(fill("‘{name}’", &[("name", &"{name}")]), "‘{name}’");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!([0, 1, 2].map(|count| plural(count, "place", "places")), ["places", "place", "places"]);
    }

    #[test]
    #[should_panic(expected = "no value for {size}")]
    fn a_hole_without_a_value_is_noticed() {
        let _ = fill("{name}, {size}", &[("name", &"disk")]);
    }

    #[test]
    #[should_panic(expected = "has no place for size")]
    fn a_value_without_a_hole_is_noticed() {
        let _ = fill("{name}", &[("name", &"disk"), ("size", &1)]);
    }
}
