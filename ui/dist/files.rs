// Written by ui/vite.config.ts with the files beside it.
&[
    File { path: "assets/icon-DV1svg9n.svg", content_type: "image/svg+xml", etag: "\"a56d8d9fbc09abd5f3232345dfef19ea\"", plain: include_bytes!("assets/icon-DV1svg9n.svg"), gzip: Some(include_bytes!("assets/icon-DV1svg9n.svg.gz")) },
    File { path: "assets/index-CRe70Zf1.js", content_type: "text/javascript; charset=utf-8", etag: "\"5592255c6817b78c284b5b71b9728700\"", plain: include_bytes!("assets/index-CRe70Zf1.js"), gzip: Some(include_bytes!("assets/index-CRe70Zf1.js.gz")) },
    File { path: "assets/inter-latin-wght-normal-Dx4kXJAl.woff2", content_type: "font/woff2", etag: "\"3100e775e8616cd2611beecfa23a4263\"", plain: include_bytes!("assets/inter-latin-wght-normal-Dx4kXJAl.woff2"), gzip: None },
    File { path: "assets/style-Cb7kPsC5.css", content_type: "text/css; charset=utf-8", etag: "\"791fd9331dc1accbce47a92479ad2476\"", plain: include_bytes!("assets/style-Cb7kPsC5.css"), gzip: Some(include_bytes!("assets/style-Cb7kPsC5.css.gz")) },
    File { path: "index.html", content_type: "text/html; charset=utf-8", etag: "\"b495fd6ac84f408d7624cfdc8f7cf7ce\"", plain: include_bytes!("index.html"), gzip: Some(include_bytes!("index.html.gz")) },
    File { path: "licences.txt", content_type: "text/plain; charset=utf-8", etag: "\"a5f0675f84c6a79f471538642633c4a1\"", plain: include_bytes!("licences.txt"), gzip: Some(include_bytes!("licences.txt.gz")) },
]
