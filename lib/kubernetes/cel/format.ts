/**
 * Kubernetes' CEL library of named formats (k8s.io/apiserver/pkg/cel/library/format.go), but for `uri`. What
 * `validate` returns says that a text is wrong in words of its own.
 */
import { type CelFunc, CelScalar, celFunc, celList, listType } from '@bufbuild/cel';
import { create } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { isLabelValue } from '../label-value.ts';
import { isQualifiedName, isSubdomain } from '../qualified-name.ts';
import { method } from './method.ts';
import { NONE, optionalOf } from './optional.ts';
import { FORMAT_TYPE, NAMED_FORMAT } from './types.ts';

const isLabel = (text: string) => /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text);
const isLabel1035 = (text: string) => /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text);
/** A prefix may end in a dash, after which more follows. */
const asPrefix = (isName: (text: string) => boolean) => (text: string) => isName(text.replace(/-$/, 'a'));
const isTime = (text: string) => !Number.isNaN(Date.parse(text));

/** Whether a text is of a format, by the format's name. */
const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  dns1123Label: isLabel,
  dns1123LabelPrefix: asPrefix(isLabel),
  dns1123Subdomain: isSubdomain,
  dns1123SubdomainPrefix: asPrefix(isSubdomain),
  dns1035Label: isLabel1035,
  dns1035LabelPrefix: asPrefix(isLabel1035),
  qualifiedName: isQualifiedName,
  labelValue: isLabelValue,
  uuid: (text) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(text),
  byte: (text) => /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text),
  date: (text) => /^\d{4}-\d\d-\d\d$/.test(text) && isTime(text),
  datetime: (text) =>
    /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(text) && isTime(text),
};

const { DYN, STRING } = CelScalar;
const OPTIONAL = listType(DYN);

const named = (name: string) => reflect(NAMED_FORMAT, create(NAMED_FORMAT, { name }));

export const formatFunctions: CelFunc[] = [
  ...Object.keys(FORMATS).map((name) => celFunc(`format.${name}`, [], FORMAT_TYPE, () => named(name))),
  celFunc('format.named', [STRING], OPTIONAL, (name) =>
    Object.hasOwn(FORMATS, name) ? optionalOf(named(name)) : NONE,
  ),
  method('validate', FORMAT_TYPE, [STRING], OPTIONAL, (self, text) => {
    const { name } = self.message as unknown as { name: string };
    return FORMATS[name]!(text) ? NONE : optionalOf(celList([`is no ${name}`]));
  }),
];
