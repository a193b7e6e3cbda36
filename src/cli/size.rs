//! Sizes as people type them: `700M`, `4GiB`, `1G`, plain bytes. Always in steps of 1024, since that is how
//! Lifeboat shows them.

/// Reads a size in bytes; more than 0.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| "a number of bytes, or 700M, 4GiB".to_owned())?;
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kib" => 10,
        "m" | "mib" => 20,
        "g" | "gib" => 30,
        "t" | "tib" => 40,
        "kb" | "mb" | "gb" | "tb" => return Err("use K, M, G or T (or KiB, MiB, ...), in steps of 1024".to_owned()),
        _ => return Err("the unit is one of K, M, G, T, KiB, MiB, GiB, TiB".to_owned()),
    };
    match number.checked_mul(1 << shift) {
        Some(0) => Err("more than 0 bytes are needed".to_owned()),
        Some(bytes) => Ok(bytes),
        None => Err("that is more than 16 EiB".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_steps_of_1024() {
        for (text, bytes) in
            [("1", 1), ("700M", 700 << 20), ("4GiB", 4 << 30), ("1G", 1 << 30), ("2 t", 2 << 40), ("512b", 512)]
        {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "G", "0", "-1", "1.5G", "4GB", "99999999T", "1x"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
