/** SARIF 2.1.0 (OASIS), which code hosts and editors show beside the lines. */
import { isAbsolute, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { qualifiedName } from '../kubernetes/object.ts';
import { type Diagnostic, formatDiagnostic, RULES } from './diagnostic.ts';

/** A log of one run. */
export function sarifLog(diagnostics: readonly Diagnostic[], version: string): object {
  const ids = Object.keys(RULES);
  const rules = Object.entries(RULES).map(([id, text]) => ({ id, shortDescription: { text } }));
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'metaipam', version, rules } },
        results: diagnostics.map((diagnostic) => ({
          ruleId: diagnostic.rule,
          ruleIndex: ids.indexOf(diagnostic.rule),
          level: diagnostic.severity,
          message: { text: textOf(diagnostic) },
          locations: [locationOf(diagnostic)],
        })),
      },
    ],
  };
}

/** The sentence without its place, which stands beside it. */
function textOf({ line: _, document: __, ...rest }: Diagnostic): string {
  return formatDiagnostic({ ...rest, severity: 'error' }).slice(rest.file.length + 2);
}

function locationOf({ file, line, object }: Diagnostic): object {
  const uri = isAbsolute(file) ? pathToFileURL(file).href : relativeReference(file);
  return {
    physicalLocation: {
      artifactLocation: { uri },
      ...(line !== undefined && { region: { startLine: line } }),
    },
    ...(object !== undefined && {
      logicalLocations: [
        { fullyQualifiedName: `${object.kind} ${qualifiedName(object.metadata)}`, kind: 'resource' },
      ],
    }),
  };
}

/** RFC 3986: neither a query nor a fragment begins in it, nor a scheme. */
function relativeReference(file: string): string {
  return file === '<stdin>' ? 'stdin' : file.split(sep).map(encodeURIComponent).join('/');
}
