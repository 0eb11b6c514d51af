// Runs the program of examples/typescript by the Automation API, which needs no language host: `node inline.js up NAMESPACE`
// prints the outputs, `node inline.js destroy` ends it.
const { LocalWorkspace } = require("@pulumi/pulumi/automation");

async function main(command, namespace) {
    const stack = await LocalWorkspace.createOrSelectStack(
        { stackName: "dev", projectName: "forecast-typescript", program: async () => require("./bin/index.js") },
        { workDir: __dirname },
    );
    const onOutput = (text) => process.stderr.write(text);
    if (command === "destroy") {
        await stack.destroy({ onOutput });
        return;
    }
    await stack.setConfig("namespace", { value: namespace });
    const { outputs } = await stack.up({ onOutput });
    console.log(JSON.stringify(Object.fromEntries(Object.entries(outputs).map(([name, output]) => [name, output.value]))));
}

main(...process.argv.slice(2)).catch((error) => {
    console.error(error);
    process.exit(1);
});
