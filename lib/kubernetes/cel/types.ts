/** Types that are Kubernetes' own. In @bufbuild/cel they are protobuf messages; two are equal if their fields are. */
import { objectType } from '@bufbuild/cel';
import { create, createFileRegistry, type DescMessage, type FileRegistry } from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';

const { STRING, UINT32, UINT64 } = FieldDescriptorProto_Type;

type Fields = Readonly<Record<string, FieldDescriptorProto_Type>>;

function registryOf(messages: Readonly<Record<string, Fields>>): FileRegistry {
  const messageType = Object.entries(messages).map(([name, fields]) => ({
    name,
    field: Object.entries(fields).map(([field, type], index) => ({
      name: field,
      jsonName: field,
      number: index + 1,
      type,
      label: FieldDescriptorProto_Label.OPTIONAL,
    })),
  }));
  const file = { name: 'net.proto', package: 'net', syntax: 'proto3', messageType };
  return createFileRegistry(create(FileDescriptorProtoSchema, file), () => undefined);
}

/** The types, for an environment of CEL. An address of 128 bits has a high and a low half. */
export const ownTypes: FileRegistry = registryOf({
  IP: { family: UINT32, high: UINT64, low: UINT64 },
  CIDR: { family: UINT32, high: UINT64, low: UINT64, length: UINT32 },
  NamedFormat: { name: STRING },
});

function messageOf(name: string): DescMessage {
  return ownTypes.getMessage(`net.${name}`) as DescMessage;
}

export const IP = messageOf('IP');
export const CIDR = messageOf('CIDR');
export const NAMED_FORMAT = messageOf('NamedFormat');
export const IP_TYPE = objectType(IP);
export const CIDR_TYPE = objectType(CIDR);
export const FORMAT_TYPE = objectType(NAMED_FORMAT);
