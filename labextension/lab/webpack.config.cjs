// Every checkout builds the same files: by default ids are digests of absolute paths, and what the minifier calls things
// depends on them too. The bundle that is wrapped here is minified already.
module.exports = { optimization: { moduleIds: "named", chunkIds: "named", minimize: false } };
