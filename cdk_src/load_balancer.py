"""The internal load balancer. It has no public address; CloudFront reaches it inside the VPC."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_src.configuration import Configuration
from cdk_src.network import Network

_LOG_PREFIX = "load-balancer"


class LoadBalancer(Construct):
    """``listener`` has no targets yet: the web service adds itself.

    Apart from the service so that the edge, whose address the service needs, can be made between
    the two.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        configuration: Configuration,
        network: Network,
        logs: s3.IBucket,
    ) -> None:
        super().__init__(scope, id)
        self.security_group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=network.vpc,
            description="Load balancer, from CloudFront only",
            allow_all_outbound=False,
        )
        self.alb = elbv2.ApplicationLoadBalancer(
            self,
            "Alb",
            vpc=network.vpc,
            vpc_subnets=network.private,
            internet_facing=False,
            security_group=self.security_group,
            drop_invalid_header_fields=True,
            deletion_protection=False,
            idle_timeout=Duration.seconds(60),
        )
        self._log_access(logs)
        certificate = configuration.origin_certificate_arn
        self.uses_tls = certificate is not None
        self.port = 443 if certificate else 80
        self.listener = self.alb.add_listener(
            "Listener",
            port=self.port,
            open=False,
            protocol=(
                elbv2.ApplicationProtocol.HTTPS if certificate else elbv2.ApplicationProtocol.HTTP
            ),
            ssl_policy=elbv2.SslPolicy.RECOMMENDED_TLS if certificate else None,
            certificates=(
                [acm.Certificate.from_certificate_arn(self, "Certificate", certificate)]
                if certificate
                else None
            ),
        )

    def _log_access(self, logs: s3.IBucket) -> None:
        """As the construct's own method, which needs the region at synthesis to find a legacy
        account; the service principal is right in every region."""
        account = Stack.of(self).account
        logs.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("logdelivery.elasticloadbalancing.amazonaws.com")],
                actions=["s3:PutObject"],
                resources=[logs.arn_for_objects(f"{_LOG_PREFIX}/AWSLogs/{account}/*")],
            )
        )
        self.alb.set_attribute("access_logs.s3.enabled", "true")
        self.alb.set_attribute("access_logs.s3.bucket", logs.bucket_name)
        self.alb.set_attribute("access_logs.s3.prefix", _LOG_PREFIX)
        policy = logs.node.try_find_child("Policy")
        if policy is not None:
            self.alb.node.add_dependency(policy)
