// Read by openapi-ts: the document stands beside, the client goes to `generated`.
export default {
  input: process.env.CERTMILL_DOCUMENT,
  output: { path: "generated", importFileExtension: ".js" },
  plugins: ["@hey-api/client-fetch", "@hey-api/typescript", "@hey-api/sdk"],
};
