//! Packs GNU Unifont for the window: its 57,000 bitmaps are two megabytes as they are, and a third of that
//! deflated. `ui/bitmaps.rs` unpacks them when the first one is wanted.
//!
//! Three bytes of a code point, the highest bit of which says that the bitmap is 16 pixels wide and not 8,
//! then 16 rows of two bytes: in the order of the code points, one behind the other.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "window")]
    pack();
}

#[cfg(feature = "window")]
fn pack() {
    use unifont::Glyph;

    let mut records: Vec<[u8; 35]> = Vec::new();
    for (character, glyph) in unifont::enumerate_glyphs() {
        let (wide, rows) = match glyph {
            Glyph::Halfwidth(rows) => (0, rows.map(|row| u16::from(row) << 8)),
            Glyph::Fullwidth(rows) => (1 << 23, *rows),
        };
        let mut record = [0; 35];
        record[..3].copy_from_slice(&(u32::from(character) | wide).to_be_bytes()[1..]);
        for (at, row) in rows.iter().enumerate() {
            record[3 + 2 * at..5 + 2 * at].copy_from_slice(&row.to_be_bytes());
        }
        records.push(record);
    }
    records.sort_unstable_by_key(|record| (record[0] & 0x7f, record[1], record[2]));
    let packed = miniz_oxide::deflate::compress_to_vec(&records.concat(), 9);
    let folder = std::env::var_os("OUT_DIR").expect("cargo says where");
    std::fs::write(std::path::Path::new(&folder).join("unifont"), packed).expect("there is room");
}
