// Millrace as a nested stack of the template.json of a release.
//
// In: that file, and the parameters of template.yaml as typed properties (parameters.ts). Out: the template in the assembly
// of the app, unchanged, with the values as parameters of the nested stack.
//
// Deliberately absent: values written into the template. Its conditions and rules take parameters only, so an endpoint that is
// known only at the deployment, such as that of a domain in the same app, would make it invalid (docs/adr/0032-ways-to-deploy.md).

import { CfnParameter, Fn, NestedStack, Stack, Token, Tokenization } from 'aws-cdk-lib';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import { Construct } from 'constructs';
import { MillraceOutput, MillraceParameters } from './parameters';

export { MillraceOutput, MillraceParameters } from './parameters';

/**
 * The most characters of the names of the parent stack and of the construct. Lambda takes 64 for the name of a function. The
 * longest is PARENT-ID-RANDOM-replay, where CloudFormation chooses the 13 characters of RANDOM.
 */
const MAX_NAME = 64 - '-'.length - '-'.length - 13 - '-replay'.length;

export interface MillraceProps {
  /** Path of the template.json of a release. It names the functions of that release in S3. */
  readonly template: string;
  /** The parameters of the template. */
  readonly parameters: MillraceParameters;
}

export class Millrace extends NestedStack {
  /** The resources of the template, for changes that no parameter makes. */
  public readonly included: CfnInclude;

  constructor(scope: Construct, id: string, props: MillraceProps) {
    super(scope, id);
    this.shortenName(scope, id);
    this.included = new CfnInclude(this, 'Template', { templateFile: props.template });
    for (const [property, value] of Object.entries(props.parameters)) {
      if (value !== undefined && value !== null) {
        this.setParameter(property[0].toUpperCase() + property.slice(1), this.checked(property, value));
      }
    }
  }

  /** The value of an output of the template, for other resources of the app. */
  public output(name: MillraceOutput): string {
    return Token.asString(this.nestedStackResource!.getAtt(`Outputs.${name}`));
  }

  /** The CDK's own logical id has a path and a hash, which make the names of functions too long. */
  private shortenName(scope: Construct, id: string): void {
    const logicalId = id.replace(/[^A-Za-z0-9]/g, '');
    this.nestedStackResource!.overrideLogicalId(logicalId);
    const parent = Stack.of(scope).stackName;
    if (!Token.isUnresolved(parent) && parent.length + logicalId.length > MAX_NAME) {
      throw new Error(
        `${this.node.path}: the name of the stack (${parent}) and the id (${logicalId}) have ${parent.length + logicalId.length} ` +
          `characters together. At most ${MAX_NAME} are possible, since the names of functions begin with both`,
      );
    }
  }

  /** A value as CloudFormation takes it. It is checked if it is known before the deployment. */
  private checked(property: string, value: string | number | boolean | string[]): string {
    const parameter = this.parameter(property);
    const text = asText(value);
    const fault = Token.isUnresolved(text) ? undefined : faultOf(parameter, value, text);
    if (fault) {
      throw new Error(`${this.node.path}: ${property} is ${JSON.stringify(value)}. ${fault}`);
    }
    return text;
  }

  private parameter(property: string): CfnParameter {
    try {
      return this.included.getParameter(property[0].toUpperCase() + property.slice(1));
    } catch {
      throw new Error(`${this.node.path}: the template has no parameter for ${property}. Use the template.json of this construct's release`);
    }
  }
}

function asText(value: string | number | boolean | string[]): string {
  if (Array.isArray(value)) {
    return Token.isUnresolved(value) ? Fn.join(',', value) : value.join(',');
  }
  return typeof value === 'number' ? Tokenization.stringifyNumber(value) : String(value);
}

/** Why a parameter does not take a value. CloudFormation would say so too, but after it began to create the stack. */
function faultOf(parameter: CfnParameter, value: unknown, text: string): string | undefined {
  const { allowedValues, allowedPattern, minValue, maxValue } = parameter;
  if (Array.isArray(value) && value.some((item) => item === '' || item.includes(','))) {
    return 'No item of the list may be empty or have a comma';
  }
  if (allowedValues && !allowedValues.map(String).includes(text)) {
    return `It must be one of ${allowedValues.join(', ')}`;
  }
  if (allowedPattern && !new RegExp(`^(?:${allowedPattern})$`).test(text)) {
    return `It must be ${parameter.constraintDescription ?? `text that matches ${allowedPattern}`}`;
  }
  if (parameter.type === 'Number') {
    const number = Number(text);
    if (text.trim() === '' || !Number.isFinite(number)) return 'It must be a number';
    if (minValue !== undefined && number < minValue) return `It must be at least ${minValue}`;
    if (maxValue !== undefined && number > maxValue) return `It must be at most ${maxValue}`;
  }
  return undefined;
}
