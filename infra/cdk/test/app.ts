// An app for the tests: stacks with Millrace.
//
//   node app.js TEMPLATE FOLDER CASES
//
// CASES is a JSON array of {"stack", "parameters"}. Prints a JSON array: for each case an error's message, or null. The assembly
// of case 0 is in FOLDER/0. A parameter "GetAtt:NAME" stands for an attribute that is known only at the deployment.

import { App, CfnOutput, CfnResource, Stack } from 'aws-cdk-lib';
import { Millrace } from '../lib/millrace';

declare const process: { argv: string[] };
declare const console: { log(text: string): void };

function synthesize(template: string, outdir: string, stackName: string, parameters: string): string | null {
  const app = new App({ outdir, analyticsReporting: false });
  const stack = new Stack(app, 'Parent', { stackName });
  const domain = new CfnResource(stack, 'Domain', { type: 'AWS::OpenSearchService::Domain' });
  const values = JSON.parse(parameters, (_, value) =>
    typeof value === 'string' && value.startsWith('GetAtt:') ? domain.getAtt(value.slice(7)).toString() : value,
  );
  try {
    const millrace = new Millrace(stack, 'Logs', { template, parameters: values });
    new CfnOutput(stack, 'Queue', { value: millrace.output('QueueArn') });
    app.synth();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

const [template, folder, cases] = process.argv.slice(2);
const results = JSON.parse(cases).map(({ stack, parameters }: { stack: string; parameters: object }, at: number) =>
  synthesize(template, `${folder}/${at}`, stack, JSON.stringify(parameters)),
);
console.log(JSON.stringify(results));
