"""Custom resource: give the first user the password that Secrets Manager has generated.

It runs as an inline function, so it is one short file with no import of this project. The password
is read and set here, and is therefore in no template, event, output or log.
"""

import json
import urllib.request

import boto3


def handler(event, context):  # type: ignore[no-untyped-def] # as Lambda calls it
    properties = event["ResourceProperties"]
    answer = {
        "Status": "SUCCESS",
        "Reason": "See the log stream " + context.log_stream_name,
        "PhysicalResourceId": properties["Username"],
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    try:
        if event["RequestType"] != "Delete":
            secret = boto3.client("secretsmanager").get_secret_value(
                SecretId=properties["SecretArn"]
            )
            boto3.client("cognito-idp").admin_set_user_password(
                UserPoolId=properties["UserPoolId"],
                Username=properties["Username"],
                Password=secret["SecretString"],
                Permanent=True,
            )
    except Exception as error:
        # Not str(error): a refused request may be quoted in it.
        answer.update(
            Status="FAILED", Reason="Setting the password failed: " + type(error).__name__
        )
    request = urllib.request.Request(
        event["ResponseURL"],
        data=json.dumps(answer).encode(),
        method="PUT",
        headers={"Content-Type": ""},
    )
    urllib.request.urlopen(request, timeout=30).close()
