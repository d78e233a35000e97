// One lookup by HMCTS's client, as a service of theirs does it: node lookup.cjs BASE_URL KEY POSTCODE [DATASET]; prints what it gives.
const { OSPlacesClient } = require("@hmcts/os-places-client");

const [url, key, postcode, dataset] = process.argv.slice(2);
const client = new OSPlacesClient(key, undefined, url); // undefined: its own HTTP library
const lookup = dataset ? client.lookupByPostcodeAndDataSet(postcode, dataset) : client.lookupByPostcode(postcode);
lookup.then(
  ({ statusCode, isValid, addresses }) => process.stdout.write(JSON.stringify({ statusCode, isValid, addresses })),
  (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  },
);
