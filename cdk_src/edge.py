"""CloudFront: the only way in from the internet."""

from __future__ import annotations

from aws_cdk import Aws, CfnRule, CfnRuleAssertion, Duration, Fn, Names, RemovalPolicy
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_wafv2 as wafv2
from aws_cdk import custom_resources as cr
from constructs import Construct

from cdk_src.configuration import Configuration
from cdk_src.load_balancer import LoadBalancer
from cdk_src.network import Network

_YEAR = Duration.days(365)


class Edge(Construct):
    """``url`` is where browsers reach the app."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        configuration: Configuration,
        network: Network,
        load_balancer: LoadBalancer,
        logs: s3.IBucket,
    ) -> None:
        super().__init__(scope, id)
        domain, certificate = configuration.domain_name, configuration.certificate_arn
        web_acl_arn = configuration.web_acl_arn
        if configuration.waf:
            web_acl_arn = self._make_web_acl(configuration.waf_rate_limit).attr_arn
        origin = origins.VpcOrigin.with_application_load_balancer(
            load_balancer.alb,
            # With TLS the origin's name must be on its certificate.
            domain_name=domain if load_balancer.uses_tls else None,
            vpc_origin_name=self._name("Origin"),
            protocol_policy=(
                cloudfront.OriginProtocolPolicy.HTTPS_ONLY
                if load_balancer.uses_tls
                else cloudfront.OriginProtocolPolicy.HTTP_ONLY
            ),
            read_timeout=Duration.seconds(60),
            keepalive_timeout=Duration.seconds(30),
        )
        self.distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment="Prompt studio",
            default_behavior=self._dynamic(origin),
            additional_behaviors={"/static/*": self._static(origin)},
            domain_names=[domain] if domain else None,
            certificate=(
                acm.Certificate.from_certificate_arn(self, "Certificate", certificate)
                if certificate
                else None
            ),
            # CloudFront's own certificate leaves no choice.
            minimum_protocol_version=(
                cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021 if certificate else None
            ),
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            price_class=cloudfront.PriceClass.PRICE_CLASS_100,
            web_acl_id=web_acl_arn,
            enable_logging=True,
            log_bucket=logs,
            log_file_prefix="cloudfront/",
            # During a deployment a file may be missing for a moment; do not keep that.
            error_responses=[
                cloudfront.ErrorResponse(http_status=status, ttl=Duration.seconds(0))
                for status in (403, 404, 500, 502, 503, 504)
            ],
        )
        self.url = f"https://{domain or self.distribution.distribution_domain_name}"
        self._admit_cloudfront(network, load_balancer)
        if domain and configuration.hosted_zone_id:
            self._make_records(domain, configuration.hosted_zone_id)

    def _name(self, what: str) -> str:
        """CloudFront's names are the account's, not a region's: the same stack may stand in two.
        (The library gives cache policies alone such a name.) A VPC origin's has 64 letters."""
        return f"{Names.unique_resource_name(self, max_length=40)}-{what}-{Aws.REGION}"

    def _dynamic(self, origin: cloudfront.IOrigin) -> cloudfront.BehaviorOptions:
        return cloudfront.BehaviorOptions(
            origin=origin,
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
            cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
            # With another Host header the app refuses the websocket.
            origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER,
            response_headers_policy=self._security_headers(),
        )

    def _static(self, origin: cloudfront.IOrigin) -> cloudfront.BehaviorOptions:
        """The studio's hashed files: kept long, compressed, apart from cookies and queries."""
        return cloudfront.BehaviorOptions(
            origin=origin,
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
            compress=True,
            cache_policy=cloudfront.CachePolicy(
                self,
                "StaticCache",
                comment="Hashed files of the studio",
                min_ttl=Duration.days(1),
                default_ttl=Duration.days(30),
                max_ttl=_YEAR,
                enable_accept_encoding_brotli=True,
                enable_accept_encoding_gzip=True,
            ),
            # Nothing of the viewer is passed on, cookies least of all: CloudFront then also drops
            # the load balancer's own cookie, which would else be kept and given to everybody.
            response_headers_policy=self._security_headers(),
        )

    def _security_headers(self) -> cloudfront.IResponseHeadersPolicy:
        existing = self.node.try_find_child("SecurityHeaders")
        if isinstance(existing, cloudfront.ResponseHeadersPolicy):
            return existing
        return cloudfront.ResponseHeadersPolicy(
            self,
            "SecurityHeaders",
            response_headers_policy_name=self._name("SecurityHeaders"),
            comment="Prompt studio",
            security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
                strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                    access_control_max_age=_YEAR, include_subdomains=True, override=True
                ),
                content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
                frame_options=cloudfront.ResponseHeadersFrameOptions(
                    frame_option=cloudfront.HeadersFrameOption.SAMEORIGIN, override=True
                ),
                referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                    referrer_policy=cloudfront.HeadersReferrerPolicy.SAME_ORIGIN, override=True
                ),
                # The app's own, stricter policy wins where it sends one.
                content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                    content_security_policy=(
                        "frame-ancestors 'self'; object-src 'none'; base-uri 'self'"
                    ),
                    override=False,
                ),
            ),
            custom_headers_behavior=cloudfront.ResponseCustomHeadersBehavior(
                custom_headers=[
                    cloudfront.ResponseCustomHeader(
                        header="Permissions-Policy",
                        value="camera=(), geolocation=(), microphone=()",
                        override=True,
                    )
                ]
            ),
            remove_headers=["Server"],
        )

    def _admit_cloudfront(self, network: Network, load_balancer: LoadBalancer) -> None:
        """Open the load balancer to CloudFront's interfaces in this VPC, and to nothing else.

        CloudFront makes their security group with the first VPC origin and CloudFormation does
        not tell its id, so it is looked up once the distribution stands.
        """
        lookup = cr.AwsCustomResource(
            self,
            "OriginSecurityGroup",
            on_update=cr.AwsSdkCall(
                service="EC2",
                action="describeSecurityGroups",
                parameters={
                    "Filters": [
                        {"Name": "vpc-id", "Values": [network.vpc.vpc_id]},
                        {"Name": "group-name", "Values": ["CloudFront-VPCOrigins-Service-SG"]},
                    ]
                },
                physical_resource_id=cr.PhysicalResourceId.of("CloudFront-VPCOrigins-Service-SG"),
                output_paths=["SecurityGroups.0.GroupId"],
            ),
            policy=cr.AwsCustomResourcePolicy.from_sdk_calls(
                resources=cr.AwsCustomResourcePolicy.ANY_RESOURCE
            ),
            install_latest_aws_sdk=False,
            removal_policy=RemovalPolicy.DESTROY,
        )
        lookup.node.add_dependency(self.distribution)
        # A resource of its own: a rule within the group would close a circle.
        ec2.CfnSecurityGroupIngress(
            self,
            "FromCloudFront",
            group_id=load_balancer.security_group.security_group_id,
            source_security_group_id=lookup.get_response_field("SecurityGroups.0.GroupId"),
            ip_protocol="tcp",
            from_port=load_balancer.port,
            to_port=load_balancer.port,
            description="CloudFront VPC origin",
        )

    def _make_web_acl(self, rate_limit: int) -> wafv2.CfnWebACL:
        CfnRule(
            self,
            "WafRegion",
            assertions=[
                CfnRuleAssertion(
                    assert_=Fn.condition_equals(Aws.REGION, "us-east-1"),
                    assert_description=(
                        "WAF=true works in us-east-1 only, the home of CloudFront's web ACLs. "
                        "Elsewhere make one there and set WAF_WEB_ACL_ARN."
                    ),
                )
            ],
        )
        managed = (
            "AWSManagedRulesAmazonIpReputationList",
            "AWSManagedRulesKnownBadInputsRuleSet",
        )
        rules = [
            wafv2.CfnWebACL.RuleProperty(
                name=name,
                priority=priority,
                override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
                statement=wafv2.CfnWebACL.StatementProperty(
                    managed_rule_group_statement=(
                        wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
                            vendor_name="AWS", name=name
                        )
                    )
                ),
                visibility_config=_visibility(name),
            )
            for priority, name in enumerate(managed)
        ]
        rules.append(
            wafv2.CfnWebACL.RuleProperty(
                name="RateLimit",
                priority=len(managed),
                action=wafv2.CfnWebACL.RuleActionProperty(block={}),
                statement=wafv2.CfnWebACL.StatementProperty(
                    rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(
                        aggregate_key_type="IP", limit=rate_limit, evaluation_window_sec=300
                    )
                ),
                visibility_config=_visibility("RateLimit"),
            )
        )
        return wafv2.CfnWebACL(
            self,
            "WebAcl",
            scope="CLOUDFRONT",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            rules=rules,
            visibility_config=_visibility("PromptApp"),
        )

    def _make_records(self, domain: str, hosted_zone_id: str) -> None:
        zone = route53.HostedZone.from_hosted_zone_attributes(
            self, "Zone", hosted_zone_id=hosted_zone_id, zone_name=domain
        )
        target = route53.RecordTarget.from_alias(targets.CloudFrontTarget(self.distribution))
        route53.ARecord(self, "Ipv4", zone=zone, record_name=f"{domain}.", target=target)
        route53.AaaaRecord(self, "Ipv6", zone=zone, record_name=f"{domain}.", target=target)


def _visibility(name: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
    )
