//! The methods of the client, without progenitor's own runtime: that reads answers without a bound, and shows what came in its errors.

use syn::{ImplItem, Item, ReturnType, Stmt, parse_quote};

/// Has the methods send and read by the crate's own `answer`.
pub(crate) fn adapt(file: &mut syn::File) {
    file.items.retain(|item| match item {
        Item::Use(_) => false,
        Item::Impl(block) => block.trait_.is_none(),
        _ => true,
    });
    file.items.insert(
        0,
        parse_quote!(
            use crate::answer::{ByteStream, Error, QueryParam, ResponseValue, encode_path};
        ),
    );
    let blocks = file.items.iter_mut().filter_map(|item| match item {
        Item::Impl(block) => Some(&mut block.items),
        _ => None,
    });
    for item in blocks.flatten() {
        let ImplItem::Fn(method) = item else { continue };
        let Some(first) = method.block.stmts.iter().position(is_info) else { continue };
        // What it is about, the call before, the call itself, the call after, and its result.
        method.block.stmts.drain(first..first + 5);
        let call = if is_stream(&method.sig.output) {
            parse_quote!(let response = self.send_for_stream(request).await?;)
        } else {
            parse_quote!(let response = self.send(request).await?;)
        };
        method.block.stmts.insert(first, call);
    }
}

/// What can only be said in the text, since it stands within macros.
pub(crate) fn adapt_text(code: &str) -> String {
    let code = code
        .replace("progenitor_client::QueryParam", "QueryParam")
        .replace("let mut request = self", "let request = self");
    let code = code.replace("#[allow(unused_mut)]\n", "");
    let code =
        code.replace("Error::UnexpectedResponse(response)", "Error::UnexpectedStatus(response.status())");
    let mut parts = code.split("encode_path(&");
    let mut adapted = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (argument, rest) = part.split_once("())").unwrap_or((part, ""));
        adapted.push_str(&format!("encode_path(&{argument}())?{rest}"));
    }
    adapted
}

fn is_info(statement: &Stmt) -> bool {
    matches!(statement, Stmt::Local(local) if matches!(&local.pat, syn::Pat::Ident(name) if name.ident == "info"))
}

fn is_stream(output: &ReturnType) -> bool {
    let ReturnType::Type(_, output) = output else { return false };
    let text = prettyplease::unparse(&parse_quote!(type Output = #output;));
    text.contains("ByteStream")
}
