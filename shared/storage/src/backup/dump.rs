//! Reading rows out of the text of a dump of Postgres (`pg_restore --file=-`), line by line as it comes.

use std::collections::BTreeSet;

use super::{Contents, SealedCaKey};
use crate::StorageError;
use crate::error::{corrupt, parsed};
use crate::tenants::WrappedTenantKey;

const KEYS: &str = "tenant_keys";
const CAS: &str = "certificate_authorities";
const MIGRATIONS: &str = "_sqlx_migrations";

/// Finds in the text of a dump what [`Contents`] holds.
#[derive(Default)]
pub struct DumpReader {
    found: Contents,
    /// Tenants of which a sealed key was found.
    opened: BTreeSet<String>,
    within: Within,
}

/// What the next lines are.
#[derive(Default)]
enum Within {
    /// Statements.
    #[default]
    Statements,
    /// Rows of a table that does not matter. They may hold anything, such as the beginning of a table.
    Other,
    /// Rows of a table that matters.
    Table(Table),
}

/// A table that matters, and its columns in their order.
struct Table {
    name: &'static str,
    columns: Vec<String>,
}

impl DumpReader {
    /// Takes the next line, without its end.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] when it is a row of a table that matters and cannot be read.
    pub fn line(&mut self, line: &[u8]) -> Result<(), StorageError> {
        if let Within::Statements = self.within {
            self.within = header(line);
            return Ok(());
        }
        if line == b"\\." {
            self.within = Within::Statements;
            return Ok(());
        }
        let Within::Table(table) = &self.within else { return Ok(()) };
        let row = Row { table, values: fields(line, table.name)? };
        match table.name {
            KEYS => self.found.keys.push(row.tenant_key()?),
            CAS => {
                let tenant = row.text("tenant_id")?;
                if self.opened.insert(tenant.clone()) {
                    self.found.sealed.push(row.sealed_key(&tenant)?);
                }
            }
            _ => {
                let version = row.number("version")?;
                self.found.schema = self.found.schema.max(Some(version));
            }
        }
        Ok(())
    }

    /// What was found, when all lines were read.
    pub fn finish(mut self) -> Contents {
        self.found.keys.sort_by_key(|key| (key.tenant.to_string(), key.version));
        self.found
    }
}

/// What follows a line among the statements: rows after `COPY public.tenant_keys (tenant_id, version) FROM stdin;`.
fn header(line: &[u8]) -> Within {
    let Some(copy) = line.strip_prefix(b"COPY ").and_then(|rest| rest.strip_suffix(b" FROM stdin;")) else {
        return Within::Statements;
    };
    matters(copy).map_or(Within::Other, Within::Table)
}

fn matters(copy: &[u8]) -> Option<Table> {
    let (place, columns) = std::str::from_utf8(copy).ok()?.strip_suffix(')')?.split_once(" (")?;
    let table = place.rsplit('.').next()?;
    let name = [KEYS, CAS, MIGRATIONS].into_iter().find(|name| *name == table)?;
    Some(Table { name, columns: columns.split(", ").map(|name| name.trim_matches('"').to_owned()).collect() })
}

/// A row in the text format of COPY (PostgreSQL, "COPY", "Text Format"): NULL is `\N`, and a backslash begins an escape.
fn fields(line: &[u8], table: &'static str) -> Result<Vec<Option<String>>, StorageError> {
    let line = std::str::from_utf8(line).map_err(|error| corrupt(table, "*", error))?;
    let field = |text: &str| {
        if text == "\\N" {
            return None;
        }
        let mut value = String::with_capacity(text.len());
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' => value.extend(characters.next().map(|escaped| match escaped {
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'v' => '\u{b}',
                    other => other,
                })),
                other => value.push(other),
            }
        }
        Some(value)
    };
    Ok(line.split('\t').map(field).collect())
}

struct Row<'a> {
    table: &'a Table,
    values: Vec<Option<String>>,
}

impl Row<'_> {
    fn text(&self, column: &'static str) -> Result<String, StorageError> {
        let place = self.table.columns.iter().position(|name| name == column);
        let value = place.and_then(|place| self.values.get(place)).cloned().flatten();
        value.ok_or_else(|| corrupt(self.table.name, column, "the dump has no value for it"))
    }

    fn number(&self, column: &'static str) -> Result<i64, StorageError> {
        self.text(column)?.parse().map_err(|error| corrupt(self.table.name, column, error))
    }

    fn octets(&self, column: &'static str) -> Result<Vec<u8>, StorageError> {
        let text = self.text(column)?;
        let digits = text.strip_prefix("\\x").unwrap_or_default().as_bytes();
        let octet = |pair: &[u8]| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok()
        };
        let octets: Option<Vec<u8>> = digits.chunks(2).map(octet).collect();
        match octets {
            Some(octets) if digits.len() % 2 == 0 => Ok(octets),
            _ => Err(corrupt(self.table.name, column, "it is not hexadecimal")),
        }
    }

    fn tenant_key(&self) -> Result<WrappedTenantKey, StorageError> {
        Ok(WrappedTenantKey {
            tenant: parsed(KEYS, "tenant_id", &self.text("tenant_id")?)?,
            version: parsed(KEYS, "version", &self.text("version")?)?,
            root_key_id: self.text("root_key_id")?,
            wrapped: self.octets("wrapped")?,
        })
    }

    fn sealed_key(&self, tenant: &str) -> Result<SealedCaKey, StorageError> {
        Ok(SealedCaKey {
            tenant: parsed(CAS, "tenant_id", tenant)?,
            ca: self.text("id")?,
            sealed: self.octets("sealed_key")?,
            certificate_der: self.octets("certificate_der")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "tnt_01J9Z3NDEKTSV4RRFFQ69G5FAV";

    fn read(text: &str) -> Result<Contents, StorageError> {
        let mut reader = DumpReader::default();
        for line in text.lines() {
            reader.line(line.as_bytes())?;
        }
        Ok(reader.finish())
    }

    #[test]
    fn rows_are_found_by_the_names_of_their_columns() {
        let text = format!(
            "-- PostgreSQL database dump\nCOPY public._sqlx_migrations (version, success) FROM stdin;\n1\tt\n41\tt\n\\.\n\
             COPY public.tokens (id, \"name\") FROM stdin;\nx\ttenant_keys\\ty\n\
             COPY public.tenant_keys (version, wrapped, tenant_id, root_key_id) FROM stdin;\n\\.\n\
             COPY pki.tenant_keys (version, wrapped, tenant_id, root_key_id) FROM stdin;\n2\t\\\\x00ff\t{TENANT}\tabcd\n\\.\n\
             COPY public.certificate_authorities (id, tenant_id, sealed_key, certificate_der, csr_der) FROM stdin;\n\
             ca_1\t{TENANT}\t\\\\x01\t\\\\x\t\\N\nca_2\t{TENANT}\t\\\\x02\t\\\\x\t\\N\n\\.\n"
        );
        let found = read(&text).unwrap();
        assert_eq!(found.schema, Some(41));
        assert_eq!(found.keys.len(), 1);
        let key = &found.keys[0];
        assert_eq!((key.version, key.root_key_id.as_str(), &key.wrapped[..]), (2, "abcd", &[0, 255][..]));
        assert_eq!(found.sealed.len(), 1, "one of each tenant");
        assert_eq!((found.sealed[0].ca.as_str(), &found.sealed[0].sealed[..]), ("ca_1", &[1][..]));
    }

    #[test]
    fn a_row_that_cannot_be_read_is_an_error() {
        let good = format!("1\t\\\\x00\t{TENANT}\tk");
        let wrong = [
            good.replacen('1', "x", 1),
            good.replace("x00", "xzz"),
            good.replace("x00", "x0"),
            good.replace(TENANT, "tnt"),
            "1".to_owned(),
            "\\N\t\\N\t\\N\t\\N".to_owned(),
        ];
        for (row, is_good) in wrong.iter().map(|row| (row, false)).chain([(&good, true)]) {
            let text = format!(
                "COPY public.tenant_keys (version, wrapped, tenant_id, root_key_id) FROM stdin;\n{row}\n"
            );
            assert_eq!(read(&text).is_ok(), is_good, "{row}");
        }
    }
}
