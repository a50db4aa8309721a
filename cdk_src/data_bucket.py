"""The private bucket of datasets and artefacts, and the one that its access logs go to."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_src.configuration import Configuration
from cdk_src.removal import removal_policy

FILES = "files/"  # the app's own: datasets, exports
DATASETS = "datasets/"  # put there by people; the app reads them as s3:// addresses
BATCH = "batch/"  # Bedrock batch inference
TUNING = "finetuning/"  # Bedrock's training files, and what a job says of itself


class DataBucket(Construct):
    def __init__(self, scope: Construct, id: str, *, configuration: Configuration) -> None:
        super().__init__(scope, id)
        self.logs = s3.Bucket(
            self,
            "Logs",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            # CloudFront's standard logging writes through an ACL grant.
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_PREFERRED,
            lifecycle_rules=[
                s3.LifecycleRule(expiration=Duration.days(configuration.log_retention_days))
            ],
            removal_policy=removal_policy(configuration),
            auto_delete_objects=configuration.destroys_data,
        )
        self.bucket = s3.Bucket(
            self,
            "Data",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            server_access_logs_bucket=self.logs,
            server_access_logs_prefix="s3/",
            lifecycle_rules=[
                s3.LifecycleRule(
                    noncurrent_version_expiration=Duration.days(30),
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                ),
                s3.LifecycleRule(prefix=BATCH, expiration=Duration.days(30)),
                s3.LifecycleRule(prefix=TUNING, expiration=Duration.days(30)),
            ],
            removal_policy=removal_policy(configuration),
            auto_delete_objects=configuration.destroys_data,
        )

    def url(self, prefix: str) -> str:
        """``s3://...`` of a prefix, without a slash at its end."""
        return f"s3://{self.bucket.bucket_name}/{prefix.rstrip('/')}"

    def grant_read(self, role: iam.IRole, *prefixes: str) -> None:
        """Let ``role`` read below ``prefixes`` and list the names of all objects."""
        self._grant(role, ["s3:GetObject"], prefixes)
        # Not limited to the prefixes: S3 then answers a look at an object that is not there with
        # 403 instead of 404, because that request names no prefix.
        iam.Grant.add_to_principal(
            grantee=role, actions=["s3:ListBucket"], resource_arns=[self.bucket.bucket_arn]
        )

    def grant_put(self, role: iam.IRole, *prefixes: str) -> None:
        """Let ``role`` add and replace objects below ``prefixes`` in one piece."""
        self._grant(role, ["s3:PutObject"], prefixes)

    def grant_put_large(self, role: iam.IRole, *prefixes: str) -> None:
        """In several pieces, too, and clear away those of an upload that broke off."""
        self._grant(role, ["s3:PutObject", "s3:AbortMultipartUpload"], prefixes)

    def grant_delete(self, role: iam.IRole, *prefixes: str) -> None:
        """Let ``role`` delete below ``prefixes``; what was there stays as an older version."""
        self._grant(role, ["s3:DeleteObject"], prefixes)

    def _grant(self, role: iam.IRole, actions: list[str], prefixes: tuple[str, ...]) -> None:
        iam.Grant.add_to_principal(
            grantee=role,
            actions=actions,
            resource_arns=[self.bucket.arn_for_objects(f"{prefix}*") for prefix in prefixes],
        )
