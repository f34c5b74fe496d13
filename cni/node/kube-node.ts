import { kubeNode } from '../../lib/cni/kube-node.ts';
import { nodeHost } from './host.ts';

process.exitCode = kubeNode(nodeHost());
