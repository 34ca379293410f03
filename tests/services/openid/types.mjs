// Checks a TypeScript file as `tsc --strict` does, and tells the members of an interface, as JSON.
import ts from "typescript";

const options = {
  strict: true,
  noEmit: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
  types: [],
};
const file = process.env.FILE;
const program = ts.createProgram([file], options);
const checker = program.getTypeChecker();

const problems = ts.getPreEmitDiagnostics(program).map((problem) => {
  const line = problem.file ? problem.file.getLineAndCharacterOfPosition(problem.start).line + 1 : 0;
  return [line, ts.flattenDiagnosticMessageText(problem.messageText, " ")];
});

const module = checker.getSymbolAtLocation(program.getSourceFile(process.env.DECLARATIONS));
const exported = Object.fromEntries(checker.getExportsOfModule(module).map((symbol) => [symbol.name, symbol]));
const members = checker.getDeclaredTypeOfSymbol(exported.Auth).getProperties().map((member) => member.name);
const values = Object.values(exported).filter((symbol) => symbol.flags & ts.SymbolFlags.Value).map((symbol) => symbol.name);
console.log(JSON.stringify({ problems, members, values }));
